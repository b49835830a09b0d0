-- What each month brought in, one row a month; a repeated run replaces its own row.
CREATE SCHEMA IF NOT EXISTS report;
CREATE TABLE IF NOT EXISTS report.yellow_taxi_months (
    month text PRIMARY KEY,
    trips bigint NOT NULL,
    revenue numeric(14, 2) NOT NULL,
    average_distance numeric(8, 2) NOT NULL
);
INSERT INTO report.yellow_taxi_months
SELECT to_char(pickup_at, 'YYYY-MM'), count(*), sum(total_amount), avg(trip_distance)
FROM raw.yellow_taxi
WHERE to_char(pickup_at, 'YYYY-MM') = %(month)s
GROUP BY 1
ON CONFLICT (month) DO UPDATE
SET trips = excluded.trips, revenue = excluded.revenue, average_distance = excluded.average_distance;
