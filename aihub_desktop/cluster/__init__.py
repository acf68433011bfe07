"""A batch on the machines of a Dask cluster. Only here is distributed."""
