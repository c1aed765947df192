"""Runs user code that is no run in a child process: warm, limited, its output captured."""
