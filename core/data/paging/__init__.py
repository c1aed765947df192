"""Tables of any size: first rows at once, the rest through a columnar cache that a child process builds."""
