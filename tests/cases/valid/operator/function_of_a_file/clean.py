def rows(each): return each(21)
