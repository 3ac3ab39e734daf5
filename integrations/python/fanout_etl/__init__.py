"""fanout from Python: lists (`read`, `batches`, `schema`), a run (`run`), fanout's side of a sink (`sink`), and sinks for tables (`iceberg`, `delta`, `paimon`)."""
from fanout_etl.program import NeedsPerson, TryLater, batches, read, run, schema

__all__ = ["NeedsPerson", "TryLater", "batches", "read", "run", "schema"]
