//! The kinds of problems, and the sentences that explain them at `/problems/…`.

/// Where problem types are explained; the name of the kind follows.
pub(crate) const PROBLEMS: &str = "/problems/";

/// One kind of problem: what its type, its status and its title are, and what it means.
pub(crate) struct Kind {
    /// The last part of its type.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// For people, the same for every problem of this kind.
    pub title: &'static str,
    /// What it means and what to do, in a sentence or two.
    pub meaning: &'static str,
}

/// Every kind, in the order of [`Failure`](super::Failure)'s variants.
pub(crate) static KINDS: [Kind; 14] = [
    Kind {
        name: "malformed",
        status: 400,
        title: "Malformed request",
        meaning: "The request cannot be read. The detail tells what was expected, and where.",
    },
    Kind {
        name: "unauthenticated",
        status: 401,
        title: "Missing or unknown credentials",
        meaning: "The request needs a valid token in the header field Authorization: Bearer TOKEN.",
    },
    Kind {
        name: "forbidden",
        status: 403,
        title: "Not allowed",
        meaning: "The token is valid, but its role or its targets do not allow this.",
    },
    Kind {
        name: "not-found",
        status: 404,
        title: "Not found",
        meaning: "There is nothing at this address, or nothing with this name or id.",
    },
    Kind {
        name: "method-not-allowed",
        status: 405,
        title: "Method not allowed",
        meaning: "The address exists, but does not support this method. The header field Allow lists the methods that it supports.",
    },
    Kind {
        name: "too-slow",
        status: 408,
        title: "The request took too long",
        meaning: "The body did not arrive in time. The connection is closed; send the request again.",
    },
    Kind {
        name: "conflict",
        status: 409,
        title: "Conflict",
        meaning: "The request contradicts what the node has, such as an id that belongs to another notification.",
    },
    Kind {
        name: "too-large",
        status: 413,
        title: "The body is too large",
        meaning: "The detail names the largest size of a body.",
    },
    Kind {
        name: "address-too-long",
        status: 414,
        title: "The address is too long",
        meaning: "The detail names the greatest length of path and query together.",
    },
    Kind {
        name: "unsupported-type",
        status: 415,
        title: "Unsupported media type",
        meaning: "The detail names the Content-Type that the body must have.",
    },
    Kind {
        name: "wrong",
        status: 422,
        title: "The request is not valid",
        meaning: "The request can be read, but some of its fields or parameters are invalid. The member errors names each of them with the problem.",
    },
    Kind {
        name: "crowded",
        status: 429,
        title: "Too many requests at a time",
        meaning: "The number of concurrent requests of one client is limited. Send the request again when earlier ones have been answered.",
    },
    Kind {
        name: "bound",
        status: 429,
        title: "Limit reached",
        meaning: "The farm keeps a limited number of these. The detail names the limit.",
    },
    Kind {
        name: "unavailable",
        status: 503,
        title: "Temporarily unavailable",
        meaning: "The node could not do this now, and it is not known whether it was done. Send the request again with the same id after the time in Retry-After: it counts once.",
    },
];
