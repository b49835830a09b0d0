"""What only BigQuery knows."""
