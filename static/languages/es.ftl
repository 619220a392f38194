reason-unknown = motivo desconocido
reason-planned-maintenance = mantenimiento programado
reason-unplanned-outage = avería imprevista
reason-testing = pruebas
titled-reason = { $title }
named-reason = { $name }

cause-unknown = causa aún desconocida
cause-planned-maintenance = mantenimiento programado
cause-unplanned-outage = avería imprevista
cause-testing = pruebas

unavailable = { $app } no está disponible
down = { $app } no está disponible: { $why }.
down-unknown = { $app } no está disponible: { $why }. No se sabe cuándo volverá.
down-overdue = { $app } no está disponible: { $why }. El regreso anunciado se retrasa.
down-until = { $app } no está disponible ({ $why }). Regreso previsto: { $back }.
down-was-until = { $app } no está disponible ({ $why }). El regreso estaba previsto para el { $back } y se retrasa.
coming = { $app } se detendrá en breve ({ $why }) y ya no admite nuevos usuarios. Quienes ya están dentro pueden terminar.
coming-unknown = { $app } se detendrá el { $begins } ({ $why }) y hasta entonces no admite nuevos usuarios. No se sabe cuándo volverá.
coming-until = { $app } se detendrá el { $begins } ({ $why }) y hasta entonces no admite nuevos usuarios. Regreso previsto: { $back }.

labelled = { $label }: { $value }
expected-back = Regreso previsto
was-expected-back = El regreso estaba previsto
down-since = No disponible desde
goes-down = Se detiene
affected-part = Parte afectada
message = Mensaje
updates = Mensajes anteriores
works = Disponibles ahora
that-is = Eso es { $distance }.
support = Para soporte: { $reference }
reference = nodo { $node }, aviso { $id }
reference-node = nodo { $node }

also-needed = También hace falta aquí y no está disponible: { $apps }.
also-down = Tampoco está disponible: { $what } ({ $why }).
more-causes = Hay más causas.
some-requests = Solo afecta a algunas solicitudes; esta es una de ellas.
whole-system = Todo el sistema
shortened = (abreviado)

leave-open = Puede dejar esta página abierta: se recargará sola cuando { $app } vuelva a estar disponible.
leave-open-tries = Puede dejar esta página abierta: lo intentará de nuevo por sí sola.
leave-open-tells = Puede dejar esta página abierta: le avisará cuando { $app } vuelva a estar disponible.
try-now = Reintentar ahora
go-back = Volver atrás
no-connection = Ahora no hay conexión. Esta página sigue intentándolo.
is-back = { $app } vuelve a estar disponible
back-check = { $app } vuelve a estar disponible. Compruebe lo que escribió y envíelo de nuevo.
back-go-back = { $app } vuelve a estar disponible. Vuelva atrás, compruebe lo que escribió y envíelo de nuevo.
back-send-again = { $app } vuelve a estar disponible. Envíe de nuevo su mensaje.
not-sent = Su mensaje no se ha enviado ni guardado.
not-sent-typed = Aquí está lo que escribió. Cópielo, o envíelo de nuevo cuando { $app } vuelva a estar disponible.
not-sent-again = Envíelo de nuevo cuando { $app } vuelva a estar disponible.
not-accepted = Lo que envió no se ha aceptado.
maybe-sent = No se sabe si ha llegado lo que envió.
maybe-sent-check = Compruébelo antes de enviarlo de nuevo.
typed = Lo que escribió
typed-here = Esta pestaña lo conserva hasta entonces.
typed-before = No se ha enviado. Esta pestaña lo conserva hasta que se envíe.
not-kept = No se conserva: { $fields }. La aplicación puede volver a pedirlo.
file-not-kept = El archivo { $file } no se puede conservar: elíjalo de nuevo.
send-again = Enviar de nuevo


in-minutes = { $n ->
    [one] dentro de { $n } minuto
   *[other] dentro de { $n } minutos
}
in-hours = { $n ->
    [one] dentro de { $n } hora
   *[other] dentro de { $n } horas
}
in-days = { $n ->
    [one] dentro de { $n } día
   *[other] dentro de { $n } días
}
minutes-ago = { $n ->
    [one] hace { $n } minuto
   *[other] hace { $n } minutos
}
hours-ago = { $n ->
    [one] hace { $n } hora
   *[other] hace { $n } horas
}
days-ago = { $n ->
    [one] hace { $n } día
   *[other] hace { $n } días
}
date-time = { $date }, { $time }
date = { $day } de { $month ->
    [1] enero
    [2] febrero
    [3] marzo
    [4] abril
    [5] mayo
    [6] junio
    [7] julio
    [8] agosto
    [9] septiembre
    [10] octubre
    [11] noviembre
   *[12] diciembre
} de { $year }, { $time } UTC

problem-bad-request = Esta solicitud no es correcta
    .text = Hay un problema con la propia solicitud.
problem-no-such-application = Aquí no hay ninguna aplicación
    .text = Ninguna aplicación corresponde a esta dirección. Compruebe si contiene algún error.
problem-method-not-allowed = Esta dirección no admite este método
    .text = La dirección existe, pero solo responde a otros métodos. El encabezado Allow los enumera.
problem-request-timeout = La solicitud llegó demasiado despacio
    .text = La solicitud no llegó en el plazo previsto.
problem-body-too-large = La solicitud es demasiado grande
    .text = El contenido de la solicitud es mayor de lo que aquí se transmite.
problem-target-too-long = La dirección es demasiado larga
    .text = La dirección es más larga de lo que aquí se acepta.
problem-too-many = Demasiadas conexiones a la vez
    .text = Hay demasiados flujos de eventos o conexiones abiertos. Cierre algunos o espere.
problem-too-often = Demasiadas solicitudes
    .text = Han llegado demasiadas solicitudes desde su dirección en poco tiempo. Espere un momento e inténtelo de nuevo.
problem-head-too-large = El encabezado de la solicitud es demasiado grande
    .text = Los campos del encabezado son demasiados o demasiado grandes; a menudo se debe a las cookies.
problem-unknown-transfer-coding = La codificación de transferencia es desconocida
    .text = El contenido de la solicitud tiene un Transfer-Encoding distinto de chunked.
problem-upstream-unreachable = No se puede contactar con la aplicación
    .text = Ahora no hay conexión con la aplicación. No se ha comunicado ninguna avería.
problem-upstream-timeout = La aplicación no responde
    .text = La aplicación tardó demasiado en responder. No se ha comunicado ninguna avería.
app-unreachable = No se puede contactar con { $app }
    .text = Ahora no hay conexión con { $app }. No se ha comunicado ninguna avería.
app-timeout = { $app } no responde
    .text = { $app } tardó demasiado en responder. No se ha comunicado ninguna avería.

status-operational = Todo está disponible
status-maintenance = Hay un mantenimiento programado en curso
status-degraded = Algunos servicios no funcionan como deberían
status-partial = Algunos servicios no están disponibles en parte
status-major = Algunos servicios no están disponibles
state-operational = Disponible
state-maintenance = En mantenimiento
state-degraded = Degradado
state-partial = Parcialmente no disponible
state-major = No disponible
status-applications = Aplicaciones
status-planned = Mantenimiento programado
status-nothing-planned = No hay nada previsto.
status-past = Averías pasadas
status-no-past = Ninguna en la parte conocida de los últimos 90 días.
status-from-to = { $from } a { $to }
status-from = desde { $from }
status-since = desde { $since }
status-back = regreso previsto: { $back }
status-share = { $percent } % disponible en la parte conocida de los últimos 90 días
status-no-history = Aún no se conoce ningún historial
status-as-of = Situación a { $now }.
status-known-since = No se sabe nada antes del { $since }; de los días grises no hay datos.
status-no-outage = Aún no se ha registrado ninguna avería.
status-feed = Feed
status-calendar = Calendario
day-today = hoy
day-unknown = sin datos
day-available = disponible
day-maintenance = { $n ->
    [one] { $n } minuto de mantenimiento
   *[other] { $n } minutos de mantenimiento
}
day-down = { $n ->
    [one] { $n } minuto no disponible
   *[other] { $n } minutos no disponible
}

contact = Contacto
bar-begins = { $app } se detendrá { $distance } ({ $cause }).
bar-begins-return = { $app } se detendrá { $distance } ({ $cause }); regreso previsto: { $back }.
bar-down = { $app } no está disponible ({ $cause }).
bar-down-return = { $app } no está disponible ({ $cause }); regreso previsto { $distance }.
bar-kept = Lo que escriba aquí se conserva en esta pestaña.
bar-restored = Lo que escribió está aquí de nuevo.
bar-close = Cerrar
