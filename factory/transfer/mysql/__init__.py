"""What only MySQL and MariaDB know."""
