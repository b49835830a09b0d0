CREATE OR REPLACE TABLE ${vars.dataset}.${matrix.colour}
PARTITION BY DATE(${matrix.day})
AS SELECT * FROM ${vars.dataset}.external_${matrix.colour};
