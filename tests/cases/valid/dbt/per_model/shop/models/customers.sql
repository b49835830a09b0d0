select 1 as customer from {{ ref('hidden') }}
