reason-unknown = motivo desconhecido
reason-planned-maintenance = manutenção programada
reason-unplanned-outage = falha imprevista
reason-testing = testes
titled-reason = { $title }
named-reason = { $name }

cause-unknown = causa ainda desconhecida
cause-planned-maintenance = manutenção programada
cause-unplanned-outage = falha imprevista
cause-testing = testes

unavailable = { $app } não está disponível
down = { $app } não está disponível: { $why }.
down-unknown = { $app } não está disponível: { $why }. Não se sabe quando voltará.
down-overdue = { $app } não está disponível: { $why }. O retorno anunciado está atrasado.
down-until = { $app } não está disponível ({ $why }). Retorno previsto: { $back }.
down-was-until = { $app } não está disponível ({ $why }). O retorno estava previsto para { $back } e está atrasado.
coming = { $app } vai parar em breve ({ $why }) e já não admite ninguém novo. Quem está dentro pode terminar.
coming-unknown = { $app } vai parar em { $begins } ({ $why }) e até lá não admite ninguém novo. Não se sabe quando voltará.
coming-until = { $app } vai parar em { $begins } ({ $why }) e até lá não admite ninguém novo. Retorno previsto: { $back }.

labelled = { $label }: { $value }
expected-back = Retorno previsto
was-expected-back = O retorno estava previsto
down-since = Indisponível desde
goes-down = Vai parar
affected-part = Parte afetada
message = Mensagem
updates = Mensagens anteriores
works = Disponíveis agora
that-is = Isso é { $distance }.
support = Para o suporte: { $reference }
reference = nó { $node }, aviso { $id }
reference-node = nó { $node }

also-needed = Também necessário aqui e indisponível: { $apps }.
also-down = Também indisponível: { $what } ({ $why }).
more-causes = Há mais causas.
some-requests = Só alguns pedidos são afetados; este é um deles.
whole-system = Todo o sistema
shortened = (abreviado)

leave-open = Pode deixar esta página aberta: ela volta sozinha quando { $app } voltar.
leave-open-tries = Pode deixar esta página aberta: ela tenta de novo sozinha.
leave-open-tells = Pode deixar esta página aberta: ela avisa quando { $app } voltar.
try-now = Tentar agora
go-back = Voltar
no-connection = Sem conexão no momento. Esta página continua tentando.
is-back = { $app } voltou
back-check = { $app } voltou. Confira o que escreveu e envie de novo.
back-go-back = { $app } voltou. Volte à página anterior, confira o que escreveu e envie de novo.
back-send-again = { $app } voltou. Envie a sua mensagem de novo.
not-sent = A sua mensagem não foi enviada nem guardada.
not-sent-typed = Aqui está o que escreveu. Copie, ou envie de novo quando { $app } voltar.
not-sent-again = Envie de novo quando { $app } voltar.
not-accepted = O que enviou não foi aceito.
maybe-sent = Não se sabe se o que enviou chegou.
maybe-sent-check = Verifique antes de enviar de novo.
typed = O que escreveu
typed-here = Esta aba guarda até lá.
typed-before = Não foi enviado. Esta aba guarda até que seja enviado.
not-kept = Não guardado: { $fields }. A aplicação pode pedir de novo.
file-not-kept = O arquivo { $file } não pode ser guardado: escolha-o de novo.
send-again = Enviar de novo


in-minutes = { $n ->
    [one] em { $n } minuto
   *[other] em { $n } minutos
}
in-hours = { $n ->
    [one] em { $n } hora
   *[other] em { $n } horas
}
in-days = { $n ->
    [one] em { $n } dia
   *[other] em { $n } dias
}
minutes-ago = { $n ->
    [one] há { $n } minuto
   *[other] há { $n } minutos
}
hours-ago = { $n ->
    [one] há { $n } hora
   *[other] há { $n } horas
}
days-ago = { $n ->
    [one] há { $n } dia
   *[other] há { $n } dias
}
date-time = { $date }, { $time }
date = { $day } de { $month ->
    [1] janeiro
    [2] fevereiro
    [3] março
    [4] abril
    [5] maio
    [6] junho
    [7] julho
    [8] agosto
    [9] setembro
    [10] outubro
    [11] novembro
   *[12] dezembro
} de { $year }, { $time } UTC

problem-bad-request = Não se entende este pedido
    .text = Há um problema com o próprio pedido.
problem-no-such-application = Não há nenhuma aplicação aqui
    .text = Nenhuma aplicação corresponde a este endereço. Verifique se há algum erro de digitação.
problem-method-not-allowed = Este endereço não aceita este método
    .text = O endereço existe, mas só responde a outros métodos. O cabeçalho Allow enumera-os.
problem-request-timeout = O pedido chegou devagar demais
    .text = O pedido não chegou no prazo previsto.
problem-body-too-large = O pedido é grande demais
    .text = O conteúdo do pedido é maior do que aqui se transmite.
problem-target-too-long = O endereço é longo demais
    .text = O endereço é mais longo do que aqui se aceita.
problem-too-many = Demais ao mesmo tempo
    .text = Há fluxos de eventos ou conexões demais abertos. Feche alguns, ou espere.
problem-too-often = Pedidos demais
    .text = Chegaram pedidos demais do seu endereço em pouco tempo. Espere um momento e tente novamente.
problem-head-too-large = O cabeçalho do pedido é grande demais
    .text = Os campos do cabeçalho são demasiados ou grandes demais; muitas vezes são cookies.
problem-unknown-transfer-coding = A codificação de transferência é desconhecida
    .text = O conteúdo do pedido tem um Transfer-Encoding diferente de chunked.
problem-upstream-unreachable = Não é possível contatar a aplicação
    .text = No momento não há conexão com a aplicação. Nenhuma falha foi comunicada.
problem-upstream-timeout = A aplicação não responde
    .text = A aplicação demorou demais a responder. Nenhuma falha foi comunicada.
app-unreachable = Não é possível contatar { $app }
    .text = No momento não há conexão com { $app }. Nenhuma falha foi comunicada.
app-timeout = { $app } não responde
    .text = { $app } demorou demais a responder. Nenhuma falha foi comunicada.

status-operational = Tudo está disponível
status-maintenance = Há uma manutenção programada em curso
status-degraded = Algo funciona, mas não como deveria
status-partial = Algo está parcialmente indisponível
status-major = Algo está indisponível
state-operational = Disponível
state-maintenance = Em manutenção
state-degraded = Degradado
state-partial = Parcialmente indisponível
state-major = Indisponível
status-applications = Aplicações
status-planned = Manutenção programada
status-nothing-planned = Nada está previsto.
status-past = Falhas passadas
status-no-past = Nenhuma na parte conhecida dos últimos 90 dias.
status-from-to = { $from } a { $to }
status-from = a partir de { $from }
status-since = desde { $since }
status-back = retorno previsto: { $back }
status-share = { $percent } % disponível na parte conhecida dos últimos 90 dias
status-no-history = Ainda não se conhece nenhum histórico
status-as-of = Situação em { $now }.
status-known-since = Nada se sabe antes de { $since }; os dias cinzentos não são conhecidos.
status-no-outage = Ainda não foi registrada nenhuma falha.
status-feed = Feed
status-calendar = Calendário
day-today = hoje
day-unknown = não se sabe
day-available = disponível
day-maintenance = { $n ->
    [one] { $n } minuto de manutenção
   *[other] { $n } minutos de manutenção
}
day-down = { $n ->
    [one] { $n } minuto indisponível
   *[other] { $n } minutos indisponível
}

contact = Contato
bar-begins = { $app } vai parar { $distance } ({ $cause }).
bar-begins-return = { $app } vai parar { $distance } ({ $cause }); retorno previsto: { $back }.
bar-down = { $app } não está disponível ({ $cause }).
bar-down-return = { $app } não está disponível ({ $cause }); retorno previsto { $distance }.
bar-kept = O que escrever aqui é guardado nesta aba.
bar-restored = O que escreveu está aqui de novo.
bar-close = Fechar
