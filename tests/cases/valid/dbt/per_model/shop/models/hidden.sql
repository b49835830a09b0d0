select 1 as x from {{ ref('stg_orders') }}
