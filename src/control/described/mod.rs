//! The parts of the API's description that the handlers name: forms of values, and the problems that each kind
//! of request may be answered with. `openapi` puts the whole together.

pub(super) mod problems;
mod registry;
mod said;

pub(super) use self::{
    problems::{Acting, Forgetting, Problems, Reading, ReadingOne, Submitting, Telling, Trying},
    registry::{ScheduleValue, TemplateValue},
    said::{Before, Waiting},
};
