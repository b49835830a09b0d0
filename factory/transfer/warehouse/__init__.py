"""What all warehouses share: the order of a load, its accounts, its checks and their verdicts."""
