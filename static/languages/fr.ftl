reason-unknown = raison inconnue
reason-planned-maintenance = maintenance planifiée
reason-unplanned-outage = panne imprévue
reason-testing = tests
titled-reason = { $title }
named-reason = { $name }

cause-unknown = cause encore inconnue
cause-planned-maintenance = maintenance planifiée
cause-unplanned-outage = panne imprévue
cause-testing = tests

unavailable = { $app } n’est pas disponible
down = { $app } n’est pas disponible : { $why }.
down-unknown = { $app } n’est pas disponible : { $why }. On ne sait pas encore quand le service sera rétabli.
down-overdue = { $app } n’est pas disponible : { $why }. Le retour annoncé a du retard.
down-until = { $app } n’est pas disponible ({ $why }). Retour prévu le { $back }.
down-was-until = { $app } n’est pas disponible ({ $why }). Le retour était prévu le { $back } et a du retard.
coming = { $app } va être arrêté sous peu ({ $why }) et n’accepte plus de nouveaux utilisateurs. Les personnes déjà connectées peuvent terminer.
coming-unknown = { $app } sera arrêté le { $begins } ({ $why }) et n’accepte plus de nouveaux utilisateurs d’ici là. On ne sait pas encore quand le service sera rétabli.
coming-until = { $app } sera arrêté le { $begins } ({ $why }) et n’accepte plus de nouveaux utilisateurs d’ici là. Retour prévu le { $back }.

labelled = { $label } : { $value }
expected-back = Retour prévu
was-expected-back = Le retour était prévu
down-since = Indisponible depuis
goes-down = Arrêt prévu
affected-part = Partie touchée
message = Message
updates = Messages précédents
works = Disponibles en ce moment
that-is = C’est { $distance }.
support = Pour l’assistance : { $reference }
reference = nœud { $node }, notification { $id }
reference-node = nœud { $node }

also-needed = Également nécessaire ici et indisponible : { $apps }.
also-down = Également indisponible : { $what } ({ $why }).
more-causes = Il y a d’autres causes.
some-requests = Seules certaines requêtes sont touchées ; celle-ci en fait partie.
whole-system = Tout le système
shortened = (abrégé)

leave-open = Vous pouvez laisser cette page ouverte : elle se rechargera d’elle-même dès que { $app } sera de nouveau disponible.
leave-open-tries = Vous pouvez laisser cette page ouverte : elle réessaie d’elle-même.
leave-open-tells = Vous pouvez laisser cette page ouverte : elle vous préviendra dès que { $app } sera de nouveau disponible.
try-now = Réessayer maintenant
go-back = Revenir en arrière
no-connection = Pas de connexion pour l’instant. Cette page continue d’essayer.
is-back = { $app } est de nouveau disponible
back-check = { $app } est de nouveau disponible. Vérifiez ce que vous avez écrit, puis envoyez-le de nouveau.
back-go-back = { $app } est de nouveau disponible. Revenez en arrière, vérifiez ce que vous avez écrit, puis envoyez-le de nouveau.
back-send-again = { $app } est de nouveau disponible. Veuillez envoyer votre message de nouveau.
not-sent = Votre message n’a été ni envoyé ni enregistré.
not-sent-typed = Voici ce que vous avez écrit. Copiez-le, ou envoyez-le de nouveau quand { $app } sera disponible.
not-sent-again = Envoyez-le de nouveau quand { $app } sera disponible.
not-accepted = Ce que vous avez envoyé n’a pas été accepté.
maybe-sent = On ne sait pas si ce que vous avez envoyé est arrivé.
maybe-sent-check = Vérifiez-le avant de l’envoyer de nouveau.
typed = Ce que vous avez écrit
typed-here = Cet onglet le conserve jusque-là.
typed-before = Cela n’a pas été envoyé. Cet onglet le conserve jusqu’à l’envoi.
not-kept = Non conservé : { $fields }. L’application le redemandera peut-être.
file-not-kept = Le fichier { $file } ne peut pas être conservé : choisissez-le de nouveau.
send-again = Envoyer de nouveau


in-minutes = { $n ->
    [one] dans { $n } minute
   *[other] dans { $n } minutes
}
in-hours = { $n ->
    [one] dans { $n } heure
   *[other] dans { $n } heures
}
in-days = { $n ->
    [one] dans { $n } jour
   *[other] dans { $n } jours
}
minutes-ago = { $n ->
    [one] il y a { $n } minute
   *[other] il y a { $n } minutes
}
hours-ago = { $n ->
    [one] il y a { $n } heure
   *[other] il y a { $n } heures
}
days-ago = { $n ->
    [one] il y a { $n } jour
   *[other] il y a { $n } jours
}
date-time = { $date }, { $time }
date = { $day } { $month ->
    [1] janvier
    [2] février
    [3] mars
    [4] avril
    [5] mai
    [6] juin
    [7] juillet
    [8] août
    [9] septembre
    [10] octobre
    [11] novembre
   *[12] décembre
} { $year } à { $time } UTC

problem-bad-request = Cette requête est incorrecte
    .text = Il y a un problème avec la requête elle-même.
problem-no-such-application = Il n’y a pas d’application ici
    .text = Aucune application ne correspond à cette adresse. Vérifiez qu’elle ne contient pas de faute de frappe.
problem-method-not-allowed = Cette adresse n’accepte pas cette méthode
    .text = L’adresse existe, mais elle ne répond qu’à d’autres méthodes. L’en-tête Allow les énumère.
problem-request-timeout = La requête est arrivée trop lentement
    .text = La requête n’est pas arrivée dans le délai prévu.
problem-body-too-large = La requête est trop volumineuse
    .text = Le contenu de la requête est plus grand que ce qui est transmis ici.
problem-target-too-long = L’adresse est trop longue
    .text = L’adresse est plus longue que ce qui est accepté ici.
problem-too-many = Trop de connexions à la fois
    .text = Trop de flux d’événements ou de connexions sont ouverts. Fermez-en, ou attendez.
problem-too-often = Trop de requêtes
    .text = Trop de requêtes sont arrivées de votre adresse en peu de temps. Attendez un instant, puis réessayez.
problem-head-too-large = L’en-tête de la requête est trop grand
    .text = Les champs d’en-tête sont trop nombreux ou trop grands ; il s’agit souvent de cookies.
problem-unknown-transfer-coding = Le codage de transfert est inconnu
    .text = Le contenu de la requête a un Transfer-Encoding autre que chunked.
problem-upstream-unreachable = L’application est injoignable
    .text = Il n’y a pas de connexion à l’application pour l’instant. Aucune panne n’a été signalée.
problem-upstream-timeout = L’application ne répond pas
    .text = L’application a mis trop de temps à répondre. Aucune panne n’a été signalée.
app-unreachable = { $app } est injoignable
    .text = Il n’y a pas de connexion à { $app } pour l’instant. Aucune panne n’a été signalée.
app-timeout = { $app } ne répond pas
    .text = { $app } a mis trop de temps à répondre. Aucune panne n’a été signalée.

status-operational = Tout est disponible
status-maintenance = Une maintenance planifiée est en cours
status-degraded = Certains services fonctionnent mal
status-partial = Certains services sont partiellement indisponibles
status-major = Certains services sont indisponibles
state-operational = Disponible
state-maintenance = En maintenance
state-degraded = Dégradé
state-partial = Partiellement indisponible
state-major = Indisponible
status-applications = Applications
status-planned = Maintenance planifiée
status-nothing-planned = Rien n’est prévu.
status-past = Pannes passées
status-no-past = Aucune dans la partie connue des 90 derniers jours.
status-from-to = { $from } au { $to }
status-from = à partir du { $from }
status-since = depuis le { $since }
status-back = retour prévu le { $back }
status-share = { $percent } % de disponibilité dans la partie connue des 90 derniers jours
status-no-history = Aucun historique n’est encore connu
status-as-of = État au { $now }.
status-known-since = Rien n’est connu avant le { $since } ; les jours gris sont inconnus.
status-no-outage = Aucune panne n’a encore été enregistrée.
status-feed = Flux
status-calendar = Calendrier
day-today = aujourd’hui
day-unknown = inconnu
day-available = disponible
day-maintenance = { $n ->
    [one] { $n } minute de maintenance
   *[other] { $n } minutes de maintenance
}
day-down = { $n ->
    [one] { $n } minute d’indisponibilité
   *[other] { $n } minutes d’indisponibilité
}

contact = Contact
bar-begins = { $app } sera arrêté { $distance } ({ $cause }).
bar-begins-return = { $app } sera arrêté { $distance } ({ $cause }), retour prévu : { $back }.
bar-down = { $app } n’est pas disponible ({ $cause }).
bar-down-return = { $app } n’est pas disponible ({ $cause }), retour prévu { $distance }.
bar-kept = Ce que vous écrivez ici est conservé dans cet onglet.
bar-restored = Ce que vous aviez écrit a été rétabli.
bar-close = Fermer
