"""How right, how honest and how dear: secant's first derivatives against other libraries'."""
