"""Many pictures explained with one seed, into a directory of Parquet files."""
