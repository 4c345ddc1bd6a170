{{ config(materialized='incremental', unique_key='n', order_by='n', incremental_strategy='delete+insert') }}
SELECT number AS n, now() AS at FROM numbers(10)
{% if is_incremental() %} WHERE n > 5 {% endif %}
