"""dbt, which runs in an environment of its own: its profile, its process, and what it says."""
