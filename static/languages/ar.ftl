reason-unknown = السبب غير معروف
reason-planned-maintenance = صيانة مخطط لها
reason-unplanned-outage = عطل غير متوقع
reason-testing = اختبار
titled-reason = { $title }
named-reason = { $name }

cause-unknown = السبب غير معروف بعد
cause-planned-maintenance = صيانة مخطط لها
cause-unplanned-outage = عطل غير متوقع
cause-testing = اختبار

unavailable = ‏{ $app } غير متاح حاليًا
down = ‏{ $app } غير متاح حاليًا: { $why }.
down-unknown = ‏{ $app } غير متاح حاليًا: { $why }. لا يُعرف موعد العودة بعد.
down-overdue = ‏{ $app } غير متاح حاليًا: { $why }. تأخرت العودة عن موعدها.
down-until = ‏{ $app } غير متاح حاليًا ({ $why }). موعد العودة المتوقع: { $back }.
down-was-until = ‏{ $app } غير متاح حاليًا ({ $why }). كان موعد العودة المتوقع { $back }، وقد تأخرت.
coming = ‏{ $app } على وشك التوقف ({ $why }) ولا يقبل مستخدمين جددًا. يمكن لمن بدأ العمل أن يُنهيه.
coming-unknown = ‏{ $app } سيتوقف في { $begins } ({ $why }) ولا يقبل مستخدمين جددًا حتى ذلك الحين. لا يُعرف موعد العودة بعد.
coming-until = ‏{ $app } سيتوقف في { $begins } ({ $why }) ولا يقبل مستخدمين جددًا حتى ذلك الحين. موعد العودة المتوقع: { $back }.

labelled = { $label }: { $value }
expected-back = العودة المتوقعة
was-expected-back = كانت العودة متوقعة
down-since = متوقف منذ
goes-down = موعد التوقف
affected-part = الجزء المتأثر
message = رسالة
updates = رسائل سابقة
works = المتاح الآن
that-is = أي { $distance }.
support = للدعم: { $reference }
reference = العقدة { $node }، الإشعار { $id }
reference-node = العقدة { $node }

also-needed = مطلوب هنا أيضًا وغير متاح: { $apps }.
also-down = غير متاح أيضًا: { $what } ({ $why }).
more-causes = هناك أسباب أخرى.
some-requests = بعض الطلبات فقط متأثرة، وهذا الطلب منها.
whole-system = النظام بأكمله
shortened = (مختصر)

leave-open = يمكنك ترك هذه الصفحة مفتوحة: ستُحمَّل من جديد تلقائيًا عند عودة { $app }.
leave-open-tries = يمكنك ترك هذه الصفحة مفتوحة: ستعيد المحاولة تلقائيًا.
leave-open-tells = يمكنك ترك هذه الصفحة مفتوحة: ستخبرك عند عودة { $app }.
try-now = أعد المحاولة الآن
go-back = رجوع
no-connection = لا يوجد اتصال الآن. تستمر هذه الصفحة في المحاولة.
is-back = ‏عاد { $app }
back-check = ‏عاد { $app }. راجع ما كتبته ثم أرسله مرة أخرى.
back-go-back = ‏عاد { $app }. ارجع إلى الصفحة السابقة، وراجع ما كتبته، ثم أرسله مرة أخرى.
back-send-again = ‏عاد { $app }. يرجى إرسال رسالتك مرة أخرى.
not-sent = لم تُرسل رسالتك ولم تُحفظ.
not-sent-typed = هذا ما كتبته. انسخه، أو أرسله مرة أخرى عند عودة { $app }.
not-sent-again = أرسلها مرة أخرى عند عودة { $app }.
not-accepted = لم يُقبل ما أرسلته.
maybe-sent = لا يُعرف ما إذا كان ما أرسلته قد وصل.
maybe-sent-check = تحقق من ذلك قبل إرساله مرة أخرى.
typed = ما كتبته
typed-here = تحتفظ به علامة التبويب هذه حتى ذلك الحين.
typed-before = لم يُرسل بعد. تحتفظ به علامة التبويب هذه حتى يُرسل.
not-kept = لم يُحتفظ به: { $fields }. قد يطلبه التطبيق مرة أخرى.
file-not-kept = لا يمكن الاحتفاظ بالملف { $file }: اختره مرة أخرى.
send-again = أرسل مرة أخرى


in-minutes = { $n ->
    [one] خلال دقيقة واحدة
    [two] خلال دقيقتين
    [few] خلال { $n } دقائق
   *[other] خلال { $n } دقيقة
}
in-hours = { $n ->
    [one] خلال ساعة واحدة
    [two] خلال ساعتين
    [few] خلال { $n } ساعات
   *[other] خلال { $n } ساعة
}
in-days = { $n ->
    [one] خلال يوم واحد
    [two] خلال يومين
    [few] خلال { $n } أيام
    [many] خلال { $n } يومًا
   *[other] خلال { $n } يوم
}
minutes-ago = { $n ->
    [one] قبل دقيقة واحدة
    [two] قبل دقيقتين
    [few] قبل { $n } دقائق
   *[other] قبل { $n } دقيقة
}
hours-ago = { $n ->
    [one] قبل ساعة واحدة
    [two] قبل ساعتين
    [few] قبل { $n } ساعات
   *[other] قبل { $n } ساعة
}
days-ago = { $n ->
    [one] قبل يوم واحد
    [two] قبل يومين
    [few] قبل { $n } أيام
    [many] قبل { $n } يومًا
   *[other] قبل { $n } يوم
}
date-time = { $date }، { $time }
date = ‏{ $day } { $month ->
    [1] يناير
    [2] فبراير
    [3] مارس
    [4] أبريل
    [5] مايو
    [6] يونيو
    [7] يوليو
    [8] أغسطس
    [9] سبتمبر
    [10] أكتوبر
    [11] نوفمبر
   *[12] ديسمبر
} { $year }، { $time } UTC

problem-bad-request = هذا الطلب غير صالح
    .text = هناك خطأ في الطلب نفسه.
problem-no-such-application = لا يوجد تطبيق هنا
    .text = لا ينتمي هذا العنوان إلى أي تطبيق. يرجى التحقق من خلوه من الأخطاء.
problem-method-not-allowed = لا يقبل هذا العنوان هذه الطريقة
    .text = العنوان موجود، لكنه يجيب عن طرق أخرى فقط. يسردها الحقل Allow.
problem-request-timeout = وصل الطلب ببطء شديد
    .text = لم يصل الطلب خلال الوقت المسموح به.
problem-body-too-large = الطلب كبير جدًا
    .text = محتوى الطلب أكبر مما يُمرَّر هنا.
problem-target-too-long = العنوان طويل جدًا
    .text = العنوان أطول مما يُقبل هنا.
problem-too-many = اتصالات كثيرة جدًا في وقت واحد
    .text = هناك عدد كبير جدًا من تدفقات الأحداث أو الاتصالات المفتوحة. أغلق بعضها أو انتظر.
problem-too-often = طلبات كثيرة جدًا
    .text = وصلت طلبات كثيرة جدًا من عنوانك في وقت قصير. انتظر لحظة ثم أعد المحاولة.
problem-head-too-large = ترويسة الطلب كبيرة جدًا
    .text = حقول الترويسة كثيرة جدًا أو كبيرة جدًا؛ غالبًا بسبب ملفات تعريف الارتباط.
problem-unknown-transfer-coding = ترميز النقل غير معروف
    .text = لمحتوى الطلب Transfer-Encoding غير chunked.
problem-upstream-unreachable = لا يمكن الوصول إلى التطبيق
    .text = لا يوجد اتصال بالتطبيق الآن. لم يُبلَّغ عن أي عطل.
problem-upstream-timeout = التطبيق لا يستجيب
    .text = استغرق التطبيق وقتًا طويلًا للإجابة. لم يُبلَّغ عن أي عطل.
app-unreachable = لا يمكن الوصول إلى { $app }
    .text = لا يوجد اتصال بـ { $app } الآن. لم يُبلَّغ عن أي عطل.
app-timeout = ‏{ $app } لا يستجيب
    .text = استغرق { $app } وقتًا طويلًا للإجابة. لم يُبلَّغ عن أي عطل.

status-operational = كل شيء متاح
status-maintenance = تجري صيانة مخطط لها
status-degraded = بعض الخدمات لا تعمل كالمعتاد
status-partial = بعض الخدمات غير متاحة جزئيًا
status-major = بعض الخدمات غير متاحة
state-operational = متاح
state-maintenance = تحت الصيانة
state-degraded = أداء منخفض
state-partial = غير متاح جزئيًا
state-major = غير متاح
status-applications = التطبيقات
status-planned = صيانة مخطط لها
status-nothing-planned = لا شيء مخطط له.
status-past = أعطال سابقة
status-no-past = لا شيء في الجزء المعروف من آخر 90 يومًا.
status-from-to = من { $from } إلى { $to }
status-from = من { $from }
status-since = منذ { $since }
status-back = العودة المتوقعة { $back }
status-share = متاح بنسبة { $percent } % في الجزء المعروف من آخر 90 يومًا
status-no-history = لا يوجد سجل معروف بعد
status-as-of = الحالة في { $now }.
status-known-since = لا يُعرف شيء قبل { $since }؛ الأيام الرمادية غير معروفة.
status-no-outage = لم يُسجَّل أي عطل بعد.
status-feed = موجز
status-calendar = تقويم
day-today = اليوم
day-unknown = غير معروف
day-available = متاح
day-maintenance = { $n ->
    [one] دقيقة صيانة واحدة
    [two] دقيقتا صيانة
    [few] { $n } دقائق صيانة
   *[other] { $n } دقيقة صيانة
}
day-down = { $n ->
    [one] غير متاح لدقيقة واحدة
    [two] غير متاح لدقيقتين
    [few] غير متاح لـ { $n } دقائق
   *[other] غير متاح لـ { $n } دقيقة
}

contact = اتصل بنا
bar-begins = ‏{ $app } سيتوقف { $distance } ({ $cause }).
bar-begins-return = ‏{ $app } سيتوقف { $distance } ({ $cause })، والعودة المتوقعة: { $back }.
bar-down = ‏{ $app } غير متاح حاليًا ({ $cause }).
bar-down-return = ‏{ $app } غير متاح حاليًا ({ $cause })، والعودة المتوقعة { $distance }.
bar-kept = تحتفظ علامة التبويب هذه بما تكتبه هنا.
bar-restored = استُعيد ما كتبته.
bar-close = إغلاق
