//! What an image consists of, and why each file and package is in it.
//!
//! # Goals
//! * [`read_image`] and [`read_project`] count the files of an image, each with the layer and the origin that it has.
//! * [`explain`] says why a file or package is in the image of a project, from its locks; [`explain_in_image`] what an
//!   image says of itself.
//! * [`Page`] is a page for a browser that needs nothing but itself.
//!
//! # Non-goals
//! * No printing: the results are values, texts and JSON.
//! * No building: for a project, what its build has left in the store is read.
mod answer;
mod error;
mod image;
mod inventory;
mod page;
mod provenance;
mod summary;
mod terminal;

pub use answer::{Answer, Subject};
pub use error::InspectError;
pub use image::{choose, explain_in_image, image_title};
pub use inventory::{read_image, read_project};
pub use page::{MOST_ROWS, Page, Row, Section};
pub use provenance::explain;
pub use summary::{summary, to_json};
pub use terminal::ByteSize;
