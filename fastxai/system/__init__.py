"""This process and its system: locks between threads, forks, and files written whole or not."""
