"""The demo: an example, the services that it needs, and what a person sees of it."""
