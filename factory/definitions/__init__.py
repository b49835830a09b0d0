"""What kinds, ends and data movement share: each definition once, in nothing but msgspec."""
