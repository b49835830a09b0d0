CREATE EXTERNAL TABLE IF NOT EXISTS trips.external_${matrix.service}
OPTIONS (format = 'PARQUET', uris = ['${vars.lake}/${matrix.service}_tripdata/*']);
