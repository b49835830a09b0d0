select ordered_on, count(*) as orders, sum(cents) / 100.0 as revenue
from {{ ref('stg_orders') }}
group by ordered_on
