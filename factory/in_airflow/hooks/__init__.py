"""Connection types of our own."""
