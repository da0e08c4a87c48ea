//! Geos: the codes and their permanent numbers, the vendor's table of ranges, and the Azure regions. Pure;
//! no I/O.

mod azure;
mod code;
mod documented;
mod register;

pub use code::{Geo, GeoCode, GeoSource};
pub use documented::{DOCUMENTED_DATE, documented};
pub use register::{REGISTER, Registered, attribute, knows};
