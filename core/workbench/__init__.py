"""Work that needs the user's code and is no run: describe, try, test, rescore, check."""
