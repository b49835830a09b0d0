SELECT order_id, total FROM orders WHERE total >= ${vars.least}
