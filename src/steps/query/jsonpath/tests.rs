//! Queries of all three languages on data.
