select id as order_id, day as ordered_on, cents
from {{ source('raw', 'orders') }}
where cents is not null and day < '{{ var("until", "9999-12-31") }}'
