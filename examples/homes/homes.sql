CREATE OR REPLACE TABLE marts.homes AS SELECT city, count(*) AS homes, avg(price) AS price FROM raw.homes GROUP BY city;
