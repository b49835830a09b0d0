SELECT * FROM large
