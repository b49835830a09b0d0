CREATE SCHEMA IF NOT EXISTS report;
CREATE TABLE IF NOT EXISTS report.orders_by_day (
    day date PRIMARY KEY,
    orders bigint NOT NULL,
    total numeric(14, 2) NOT NULL
);
INSERT INTO report.orders_by_day
SELECT %(day)s::date, count(*), coalesce(sum(total), 0)
FROM raw.orders
WHERE ordered_on = %(day)s::date
ON CONFLICT (day) DO UPDATE SET orders = excluded.orders, total = excluded.total;
