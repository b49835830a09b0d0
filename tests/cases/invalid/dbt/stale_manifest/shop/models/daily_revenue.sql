select 1 as ordered_on from {{ ref('stg_orders') }}
