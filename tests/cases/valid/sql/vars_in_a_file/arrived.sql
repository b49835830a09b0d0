SELECT count(*) FROM ${vars.table}
