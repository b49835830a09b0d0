CREATE EXTERNAL TABLE IF NOT EXISTS ${vars.dataset}.external_${matrix.colour}
OPTIONS (format = 'PARQUET', uris = ['gs://${vars.bucket}/${matrix.colour}/*']);
