SELECT * FROM trips WHERE month = %(month)s
