DELETE FROM ${matrix.table} WHERE day < '{{ ds }}' AND region = '${vars.region}'
