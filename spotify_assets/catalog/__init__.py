"""What makes the lake queryable: the DuckDB file or the Glue crawler."""
