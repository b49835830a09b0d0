-- ${vars.table} of ${matrix.region}: ${other} and $${"a": 1}$$ stay, as $${vars.schema} does
INSERT INTO ${vars.schema}.report SELECT '${dag_id}', '{{ ds }}' FROM ${vars.table};
