# What users read (docs/contract.md#languages). English is complete by definition: every other file has the same
# messages with the same variables. A site's own files may replace any of them.

## Why something is down, after "is down"
reason-unknown = for an unknown reason
reason-planned-maintenance = for planned maintenance
reason-unplanned-outage = because of an unplanned outage
reason-testing = for testing
# A reason of the site's own, with the title that its configuration has.
titled-reason = because { $title }
# One that this node knows the name of alone.
named-reason = ({ $name })

## The same by itself
cause-unknown = cause not known yet
cause-planned-maintenance = planned maintenance
cause-unplanned-outage = unplanned outage
cause-testing = testing

## What is said first
unavailable = { $app } is unavailable
down = { $app } is down { $why }.
down-unknown = { $app } is down { $why }. When it will be back is not known.
down-overdue = { $app } is down { $why }, and is not back yet.
down-until = { $app } is down { $why } and is expected back at { $back }.
down-was-until = { $app } is down { $why }, was expected back at { $back }, and is not back yet.
coming = { $app } is about to go down { $why } and lets nobody new in. Who is inside can finish.
coming-unknown = { $app } goes down { $why } at { $begins } and lets nobody new in until then. When it will be back is not known.
coming-until = { $app } goes down { $why } at { $begins } and lets nobody new in until then. It is expected back at { $back }.

## Labels
labelled = { $label }: { $value }
expected-back = Expected back
was-expected-back = Was expected back
down-since = Down since
goes-down = Goes down
affected-part = Affected part
message = Message
updates = Earlier messages
works = These work
that-is = That is { $distance }.
support = For support: { $reference }
reference = node { $node }, notification { $id }
reference-node = node { $node }

## What else is true
also-needed = Also needed here, and down: { $apps }.
also-down = { $what } is also down { $why }.
more-causes = There are further causes.
some-requests = Only some requests are affected; this is one of them.
whole-system = The whole system
shortened = (shortened)

## What becomes of the request
leave-open = You can leave this page open: it returns by itself when { $app } does.
leave-open-tries = You can leave this page open: it tries again by itself.
leave-open-tells = You can leave this page open: it tells you when { $app } is back.
try-now = Try again now
go-back = Go back
no-connection = No connection just now. This page keeps trying.
is-back = { $app } is back
back-check = { $app } is back. Check what you typed, and send it again.
back-go-back = { $app } is back. Go back, check what you typed, and send it again.
back-send-again = { $app } is back. Please send your message again.
not-sent = Your message was not sent and was not saved.
not-sent-typed = Here is what you typed. Copy it, or send it again when { $app } is back.
not-sent-again = Send it again when { $app } is back.
not-accepted = What you sent was not accepted.
maybe-sent = It is not known whether what you sent has arrived.
maybe-sent-check = Check whether it has before you send it again.
typed = What you typed
typed-here = This tab keeps it until then.
typed-before = It was not sent. This tab keeps it until it has been sent.
not-kept = Not kept: { $fields }. The application may ask for it again.
file-not-kept = The file { $file } cannot be kept: choose it again.
send-again = Send again

## Distances and dates. The page's script tells the same by the browser's own tables.
in-minutes = { $n ->
    [one] in { $n } minute
   *[other] in { $n } minutes
}
in-hours = { $n ->
    [one] in { $n } hour
   *[other] in { $n } hours
}
in-days = { $n ->
    [one] in { $n } day
   *[other] in { $n } days
}
minutes-ago = { $n ->
    [one] { $n } minute ago
   *[other] { $n } minutes ago
}
hours-ago = { $n ->
    [one] { $n } hour ago
   *[other] { $n } hours ago
}
days-ago = { $n ->
    [one] { $n } day ago
   *[other] { $n } days ago
}
date-time = { $date }, { $time }
date = { $day } { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
} { $year }, { $time } UTC

## Other answers of the gate
problem-bad-request = This request cannot be understood
    .text = Something is wrong with the request itself.
problem-no-such-application = There is no application here
    .text = No application belongs to this address. Please check it for a typing mistake.
problem-method-not-allowed = This address does not take this method
    .text = The address exists, but it answers other methods only. The Allow header lists them.
problem-request-timeout = The request came too slowly
    .text = The request did not arrive within the time that is allowed for it.
problem-body-too-large = The request is too large
    .text = The body of the request is larger than this gate passes on.
problem-target-too-long = The address is too long
    .text = The address is longer than this gate accepts.
problem-too-many = Too many at a time
    .text = This client has too many event streams or connections open. Close some, or wait.
problem-too-often = Too many requests
    .text = Too many requests have come from your address in a short time. Wait a moment, then try again.
problem-head-too-large = The head of the request is too large
    .text = The header fields of the request are too many or too large; often these are cookies.
problem-unknown-transfer-coding = The transfer coding is not known
    .text = The body of the request has a Transfer-Encoding other than chunked.
problem-upstream-unreachable = The application cannot be reached
    .text = There is no connection to the application just now. No outage has been reported.
problem-upstream-timeout = The application is not responding
    .text = It took the application too long to answer. No outage has been reported.
app-unreachable = { $app } cannot be reached
    .text = There is no connection to { $app } just now. No outage has been reported.
app-timeout = { $app } is not responding
    .text = It took { $app } too long to answer. No outage has been reported.

## The status page
status-operational = Everything is available
status-maintenance = Planned maintenance is under way
status-degraded = Something works, but not as it should
status-partial = Something is partly unavailable
status-major = Something is unavailable
state-operational = Available
state-maintenance = Down for maintenance
state-degraded = Degraded
state-partial = Partly unavailable
state-major = Unavailable
status-applications = Applications
status-planned = Planned maintenance
status-nothing-planned = Nothing is planned.
status-past = Past outages
status-no-past = None in the known part of the last 90 days.
status-from-to = { $from } to { $to }
status-from = from { $from }
status-since = since { $since }
status-back = expected back { $back }
status-share = { $percent } % available in the known part of the last 90 days
status-no-history = No history is known yet
status-as-of = As of { $now }.
status-known-since = Nothing is known before { $since }; grey days are not known.
status-no-outage = No outage has been recorded yet.
status-feed = Feed
status-calendar = Calendar
day-today = today
day-unknown = not known
day-available = available
day-maintenance = { $n ->
    [one] { $n } minute of maintenance
   *[other] { $n } minutes of maintenance
}
day-down = { $n ->
    [one] { $n } minute unavailable
   *[other] { $n } minutes unavailable
}

## The bar that an application's pages show
contact = Contact
bar-begins = { $app } goes down { $distance } ({ $cause }).
bar-begins-return = { $app } goes down { $distance } ({ $cause }) and is expected back at { $back }.
bar-down = { $app } is down ({ $cause }).
bar-down-return = { $app } is down ({ $cause }) and is expected back { $distance }.
bar-kept = What you type here is kept in this tab.
bar-restored = What you typed is here again.
bar-close = Close
