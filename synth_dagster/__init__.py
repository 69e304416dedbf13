"""Training data for language models, manufactured as a graph of Dagster assets."""

import os

# Arrow reads this once, when it is loaded. Its own default keeps freed memory in a heap for each thread: 100 MiB over
# thirty batches, and neither `release_unused` nor a trim gives it back. A user's own choice stands.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
