//! What the layer check reads from source files.
