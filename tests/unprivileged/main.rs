//! Integration tests.

mod embedded_list;
