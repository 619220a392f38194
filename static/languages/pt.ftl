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
coming = { $app } vai parar em breve ({ $why }) e não aceita mais novos usuários. Quem já está dentro pode terminar.
coming-unknown = { $app } vai parar em { $begins } ({ $why }) e até lá não aceita novos usuários. Não se sabe quando voltará.
coming-until = { $app } vai parar em { $begins } ({ $why }) e até lá não aceita novos usuários. Retorno previsto: { $back }.

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
some-requests = Só algumas solicitações são afetadas; esta é uma delas.
whole-system = Todo o sistema
shortened = (abreviado)

leave-open = Você pode deixar esta página aberta: ela recarrega sozinha quando { $app } voltar.
leave-open-tries = Você pode deixar esta página aberta: ela tenta de novo sozinha.
leave-open-tells = Você pode deixar esta página aberta: ela avisa quando { $app } voltar.
try-now = Tentar de novo agora
go-back = Voltar
no-connection = Sem conexão no momento. Esta página continua tentando.
is-back = { $app } voltou
back-check = { $app } voltou. Confira o que você escreveu e envie de novo.
back-go-back = { $app } voltou. Volte à página anterior, confira o que você escreveu e envie de novo.
back-send-again = { $app } voltou. Envie sua mensagem de novo.
not-sent = Sua mensagem não foi enviada nem guardada.
not-sent-typed = Aqui está o que você escreveu. Copie, ou envie de novo quando { $app } voltar.
not-sent-again = Envie de novo quando { $app } voltar.
not-accepted = O que você enviou não foi aceito.
maybe-sent = Não se sabe se o que você enviou chegou.
maybe-sent-check = Verifique antes de enviar de novo.
typed = O que você escreveu
typed-here = Esta aba guarda tudo até lá.
typed-before = Ainda não foi enviado. Esta aba guarda tudo até o envio.
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

problem-bad-request = Esta solicitação é inválida
    .text = Há um problema com a própria solicitação.
problem-no-such-application = Não há nenhuma aplicação aqui
    .text = Nenhuma aplicação corresponde a este endereço. Verifique se há algum erro de digitação.
problem-method-not-allowed = Este endereço não aceita este método
    .text = O endereço existe, mas só responde a outros métodos. O cabeçalho Allow lista quais são.
problem-request-timeout = A solicitação chegou devagar demais
    .text = A solicitação não chegou no prazo previsto.
problem-body-too-large = A solicitação é grande demais
    .text = O conteúdo da solicitação é maior do que o que se transmite aqui.
problem-target-too-long = O endereço é longo demais
    .text = O endereço é mais longo do que o que se aceita aqui.
problem-too-many = Conexões demais ao mesmo tempo
    .text = Há fluxos de eventos ou conexões demais abertos. Feche alguns ou espere.
problem-too-often = Solicitações demais
    .text = Chegaram solicitações demais do seu endereço em pouco tempo. Espere um momento e tente novamente.
problem-head-too-large = O cabeçalho da solicitação é grande demais
    .text = Os campos do cabeçalho são muitos ou grandes demais; muitas vezes a causa são os cookies.
problem-unknown-transfer-coding = A codificação de transferência é desconhecida
    .text = O conteúdo da solicitação tem um Transfer-Encoding diferente de chunked.
problem-upstream-unreachable = Não é possível contatar a aplicação
    .text = No momento não há conexão com a aplicação. Nenhuma falha foi comunicada.
problem-upstream-timeout = A aplicação não responde
    .text = A aplicação demorou demais para responder. Nenhuma falha foi comunicada.
app-unreachable = Não é possível contatar { $app }
    .text = No momento não há conexão com { $app }. Nenhuma falha foi comunicada.
app-timeout = { $app } não responde
    .text = { $app } demorou demais para responder. Nenhuma falha foi comunicada.

status-operational = Tudo está disponível
status-maintenance = Há uma manutenção programada em andamento
status-degraded = Alguns serviços não funcionam como deveriam
status-partial = Alguns serviços estão parcialmente indisponíveis
status-major = Alguns serviços estão indisponíveis
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
status-known-since = Nada se sabe antes de { $since }; dos dias em cinza não há dados.
status-no-outage = Ainda não foi registrada nenhuma falha.
status-feed = Feed
status-calendar = Calendário
day-today = hoje
day-unknown = sem dados
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
bar-kept = O que você escrever aqui fica guardado nesta aba.
bar-restored = O que você escreveu está aqui de novo.
bar-close = Fechar
