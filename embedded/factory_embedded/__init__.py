"""The demo's services and sample data: real servers on the loopback, started and stopped here."""
