select customer_id, sum(price * quantity) as spent, date '{{ var("day", "1970-01-01") }}' as day
from {{ source('raw', 'orders') }}
join {{ source('raw', 'customers') }} using (customer_id)
join {{ source('raw', 'products') }} using (product_id)
group by customer_id
