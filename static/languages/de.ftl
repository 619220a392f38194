reason-unknown = Grund unbekannt
reason-planned-maintenance = geplante Wartung
reason-unplanned-outage = ungeplanter Ausfall
reason-testing = Test
titled-reason = { $title }
named-reason = { $name }

cause-unknown = Ursache noch unbekannt
cause-planned-maintenance = geplante Wartung
cause-unplanned-outage = ungeplanter Ausfall
cause-testing = Test

unavailable = { $app } ist nicht verfügbar
down = { $app } ist nicht verfügbar: { $why }.
down-unknown = { $app } ist nicht verfügbar: { $why }. Wann es weitergeht, ist noch nicht bekannt.
down-overdue = { $app } ist nicht verfügbar: { $why }. Der angekündigte Zeitpunkt ist überschritten.
down-until = { $app } ist nicht verfügbar ({ $why }) und wird voraussichtlich am { $back } wieder erreichbar sein.
down-was-until = { $app } ist nicht verfügbar ({ $why }), sollte am { $back } wieder erreichbar sein und ist es noch nicht.
coming = { $app } wird in Kürze abgeschaltet ({ $why }) und nimmt keine neuen Nutzer mehr an. Wer schon darin arbeitet, kann seine Arbeit beenden.
coming-unknown = { $app } wird am { $begins } abgeschaltet ({ $why }) und nimmt bis dahin keine neuen Nutzer mehr an. Wann es weitergeht, ist noch nicht bekannt.
coming-until = { $app } wird am { $begins } abgeschaltet ({ $why }) und nimmt bis dahin keine neuen Nutzer mehr an. Voraussichtlich wieder erreichbar am { $back }.

labelled = { $label }: { $value }
expected-back = Voraussichtlich wieder da
was-expected-back = Sollte wieder da sein
down-since = Nicht verfügbar seit
goes-down = Wird abgeschaltet
affected-part = Betroffener Teil
message = Mitteilung
updates = Frühere Mitteilungen
works = Verfügbar sind
that-is = Das ist { $distance }.
support = Für Rückfragen: { $reference }
reference = Knoten { $node }, Meldung { $id }
reference-node = Knoten { $node }

also-needed = Hier außerdem nötig und nicht verfügbar: { $apps }.
also-down = Auch nicht verfügbar: { $what } ({ $why }).
more-causes = Es gibt weitere Ursachen.
some-requests = Betroffen sind nur manche Anfragen; diese gehört dazu.
whole-system = Das ganze System
shortened = (gekürzt)

leave-open = Sie können diese Seite offen lassen: Sie lädt von selbst neu, sobald { $app } wieder da ist.
leave-open-tries = Sie können diese Seite offen lassen: Sie versucht es von selbst noch einmal.
leave-open-tells = Sie können diese Seite offen lassen: Sie gibt Ihnen Bescheid, sobald { $app } wieder da ist.
try-now = Jetzt noch einmal versuchen
go-back = Zurück
no-connection = Gerade keine Verbindung. Diese Seite versucht es weiter.
is-back = { $app } ist wieder da
back-check = { $app } ist wieder da. Prüfen Sie Ihre Eingaben und senden Sie sie noch einmal.
back-go-back = { $app } ist wieder da. Gehen Sie zurück, prüfen Sie Ihre Eingaben und senden Sie sie noch einmal.
back-send-again = { $app } ist wieder da. Bitte senden Sie Ihre Nachricht noch einmal.
not-sent = Ihre Nachricht wurde nicht gesendet und nicht gespeichert.
not-sent-typed = Hier ist, was Sie geschrieben haben. Kopieren Sie es, oder senden Sie es noch einmal, sobald { $app } wieder da ist.
not-sent-again = Senden Sie sie noch einmal, sobald { $app } wieder da ist.
not-accepted = Was Sie gesendet haben, wurde nicht angenommen.
maybe-sent = Ob angekommen ist, was Sie gesendet haben, ist nicht bekannt.
maybe-sent-check = Prüfen Sie das, bevor Sie es noch einmal senden.
typed = Was Sie geschrieben haben
typed-here = Dieser Tab bewahrt es bis dahin auf.
typed-before = Es wurde nicht gesendet. Dieser Tab bewahrt es auf, bis es gesendet ist.
not-kept = Nicht aufbewahrt: { $fields }. Die Anwendung fragt eventuell noch einmal danach.
file-not-kept = Die Datei { $file } kann nicht aufbewahrt werden: Wählen Sie sie noch einmal aus.
send-again = Noch einmal senden


in-minutes = { $n ->
    [one] in { $n } Minute
   *[other] in { $n } Minuten
}
in-hours = { $n ->
    [one] in { $n } Stunde
   *[other] in { $n } Stunden
}
in-days = { $n ->
    [one] in { $n } Tag
   *[other] in { $n } Tagen
}
minutes-ago = { $n ->
    [one] vor { $n } Minute
   *[other] vor { $n } Minuten
}
hours-ago = { $n ->
    [one] vor { $n } Stunde
   *[other] vor { $n } Stunden
}
days-ago = { $n ->
    [one] vor { $n } Tag
   *[other] vor { $n } Tagen
}
date-time = { $date }, { $time }
date = { $day }. { $month ->
    [1] Januar
    [2] Februar
    [3] März
    [4] April
    [5] Mai
    [6] Juni
    [7] Juli
    [8] August
    [9] September
    [10] Oktober
    [11] November
   *[12] Dezember
} { $year }, { $time } UTC

problem-bad-request = Diese Anfrage ist fehlerhaft
    .text = Mit der Anfrage selbst stimmt etwas nicht.
problem-no-such-application = Hier gibt es keine Anwendung
    .text = Zu dieser Adresse gehört keine Anwendung. Bitte prüfen Sie sie auf Tippfehler.
problem-method-not-allowed = Diese Adresse kennt diese Methode nicht
    .text = Die Adresse gibt es, aber sie beantwortet nur andere Methoden. Der Header Allow nennt sie.
problem-request-timeout = Die Anfrage kam zu langsam
    .text = Die Anfrage ist nicht in der dafür vorgesehenen Zeit angekommen.
problem-body-too-large = Die Anfrage ist zu groß
    .text = Der Inhalt der Anfrage ist größer, als hier weitergereicht wird.
problem-target-too-long = Die Adresse ist zu lang
    .text = Die Adresse ist länger, als hier angenommen wird.
problem-too-many = Zu viel auf einmal
    .text = Von hier sind zu viele Ereignisströme oder Verbindungen offen. Schließen Sie einige oder warten Sie.
problem-too-often = Zu viele Anfragen
    .text = Von Ihrer Adresse kamen in kurzer Zeit zu viele Anfragen. Warten Sie einen Moment, und versuchen Sie es erneut.
problem-head-too-large = Der Kopf der Anfrage ist zu groß
    .text = Die Anfrage hat zu viele oder zu große Header; oft liegt das an Cookies.
problem-unknown-transfer-coding = Die Übertragungskodierung ist unbekannt
    .text = Der Inhalt der Anfrage hat ein anderes Transfer-Encoding als chunked.
problem-upstream-unreachable = Die Anwendung ist nicht erreichbar
    .text = Zur Anwendung besteht gerade keine Verbindung. Ein Ausfall ist nicht gemeldet.
problem-upstream-timeout = Die Anwendung antwortet nicht
    .text = Die Anwendung hat zu lange nicht geantwortet. Ein Ausfall ist nicht gemeldet.
app-unreachable = { $app } ist nicht erreichbar
    .text = Zu { $app } besteht gerade keine Verbindung. Ein Ausfall ist nicht gemeldet.
app-timeout = { $app } antwortet nicht
    .text = { $app } hat zu lange nicht geantwortet. Ein Ausfall ist nicht gemeldet.

status-operational = Alles ist verfügbar
status-maintenance = Es läuft eine geplante Wartung
status-degraded = Es gibt Einschränkungen
status-partial = Einiges ist teilweise nicht verfügbar
status-major = Nicht alles ist verfügbar
state-operational = Verfügbar
state-maintenance = In Wartung
state-degraded = Eingeschränkt
state-partial = Teilweise nicht verfügbar
state-major = Nicht verfügbar
status-applications = Anwendungen
status-planned = Geplante Wartung
status-nothing-planned = Nichts ist geplant.
status-past = Frühere Ausfälle
status-no-past = Keine im bekannten Teil der letzten 90 Tage.
status-from-to = { $from } bis { $to }
status-from = ab { $from }
status-since = seit { $since }
status-back = voraussichtlich wieder da: { $back }
status-share = { $percent } % verfügbar im bekannten Teil der letzten 90 Tage
status-no-history = Noch ist kein Verlauf bekannt
status-as-of = Stand: { $now }.
status-known-since = Vor dem { $since } ist nichts bekannt; graue Tage sind unbekannt.
status-no-outage = Noch ist kein Ausfall verzeichnet.
status-feed = Feed
status-calendar = Kalender
day-today = heute
day-unknown = nicht bekannt
day-available = verfügbar
day-maintenance = { $n ->
    [one] { $n } Minute Wartung
   *[other] { $n } Minuten Wartung
}
day-down = { $n ->
    [one] { $n } Minute nicht verfügbar
   *[other] { $n } Minuten nicht verfügbar
}

contact = Kontakt
bar-begins = { $app } wird { $distance } abgeschaltet ({ $cause }).
bar-begins-return = { $app } wird { $distance } abgeschaltet ({ $cause }), voraussichtlich bis { $back }.
bar-down = { $app } ist nicht verfügbar ({ $cause }).
bar-down-return = { $app } ist nicht verfügbar ({ $cause }), voraussichtlich wieder da: { $distance }.
bar-kept = Was Sie hier schreiben, bewahrt dieser Tab auf.
bar-restored = Was Sie geschrieben haben, ist wieder da.
bar-close = Schließen
