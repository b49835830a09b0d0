CREATE TABLE IF NOT EXISTS ${vars.paid} (
    order_id NUMBER(38, 0),
    ordered_on DATE,
    customer VARCHAR,
    amount NUMBER(12, 2),
    note VARCHAR,
    paid_at TIMESTAMP_NTZ(6)
);
DELETE FROM ${vars.paid} WHERE ordered_on = '{{ interval.day }}';
INSERT INTO ${vars.paid} (order_id, ordered_on, customer, amount, note, paid_at)
SELECT order_id, ordered_on, customer, amount, note, paid_at
FROM ${vars.orders}
WHERE ordered_on = '{{ interval.day }}' AND paid_at IS NOT NULL;
