"""Orders to set aside what a model was told, or to give its prompt away, in other languages than English.

For each language the verbs of setting aside near the words for what was said before, in the order that the language has
them in, and the verbs of showing near its words for a system prompt. A blank is whatever may stand between two words.
"""

from collections.abc import Mapping

_PROMPT = r"system[ -]?prompt\w*"


def _either(first: str, second: str, gap: str = r"[^.\n]{0,40}") -> str:
    """Both, in either order."""
    return rf"(?:{first}){gap}(?:{second})|(?:{second}){gap}(?:{first})"


_GERMANIC = (
    _either(
        r"\b(?:ignoriere?|ignorieren sie|missachte|missachten sie|vergiss|vergessen sie|verwirf|übergehe|negeer|"
        r"vergeet|"
        r"ignorera|ignorer|glöm|glem|bortse)\b",
        r"\b(?:vorherig\w*|vorig\w*|obig\w*|bisherig\w*|alle\w*|deine|ihre|bovenstaande|eerdere|jouw|tidigare|"
        r"tidligere|alla|"
        r"dine|dina) (?:\w+ ){0,2}(?:anweisung|regel|vorgabe|instru|befehl|prompt|opdracht|anvisning)\w*|"
        r"\b(?:zuvor|vorher|eerder|tidigare|tidligere) (?:\w+ ){0,2}(?:gesagt|mitgeteilt|verteld|gezegd|sagt|"
        r"sagts|fortalt)\b",
    )
    + r"|\b(?:gib|zeige?|verrate?|nenne|toon|geef|visa|vis)\b[^.\n]{0,40}\b"
    + _PROMPT
)
_SAID_IN_ROMANCE = (
    r"\b(?:toutes?|tous|les?|ces|tes|vos|todas?|las?|los|tus|sus|estas|tutte|queste|tue|as|tuas|suas|essas|"
    r"toate) (?:\w+ ){0,2}"
    r"(?:instru\w+|istruzion\w+|consigne\w*|r[eè]gle\w*|reglas?|regole|regras|indicacion\w+|directive\w*|órdenes|"
    r"ordini|ordens)\b"
    r"|\b(?:dit|dicho|dijeron|detto|dito) (?:\w+ )?(?:avant|auparavant|antes|anteriormente|prima)\b"
)
_ROMANCE = (
    _either(
        r"\b(?:ignor(?:e|ez|a|ad|en|ate|i|á|ă)|oubli(?:e|ez)|olvid(?:a|e|ad|en)|dimentica(?:te)?|esque[çc]a|"
        r"fais abstraction|"
        r"ne ti(?:ens|enne|enez) pas compte|hag?[az] caso omiso|non tenere conto|desconsidere)\b",
        _SAID_IN_ROMANCE,
    )
    + r"|\b(?:r[eé]v[eèé]l\w{1,4}|affiche\w?|montre\w{0,2}|muestr[ae]\w?|revel[ae]\w?|mostr[ae]\w?|"
    r"rivela\w?)\b[^.\n]{0,40}"
    r"(?:\binvite syst[eè]me|\bprompt (?:du |del |de |do )?(?:syst|sist)\w+|\b"
    + _PROMPT
    + r")|\b(?:assistant\w?|asistente|assistente|ia)\b[^.\n]{0,20} (?:sans|sin|senza|sem) (?:aucune? |ninguna? |"
    r"alcuna? |nenhuma? )?"
    r"(?:restric|limit|filtr|restriz|restriç)\w+"
)
_SLAVIC = (
    _either(
        r"\b(?:zignoruj|zapomnij|pomiń|ignoruj|zapomeň|zabudni|игнорируй|проигнорируй|забудь|не обращай внимания|"
        r"ігноруй|"
        r"проігноруй|не зважай|игнорирай|забрави|ignoriši|zanemari)\w{0,3}\b",
        r"\b(?:poprzedni\w*|powyższ\w*|wcześniej\w*|předchoz\w*|predchádzaj\w*|предыдущ\w*|прежн\w*|выше|раньше|ранее|"
        r"попередн\w*|вище|раніше|предишн\w*|по-рано|prethodn\w*|instrukc\w*|инструкц\w*|інструкц\w*|правил\w*)\b",
    )
    + r"|(?:покаж|показ|выведи|раскрой|виведи|розкрий|pokaż|ujawnij|ukaž)\w*[^.\n]{0,40}(?:системн\w+ (?:промпт|"
    r"підказк|подсказк)\w*|"
    r"\b" + _PROMPT + ")"
)
_CHINESE_JAPANESE_KOREAN = (
    r"(?:忽略|无视|無視|忘记|忘記|不要理会|不用管|抛开)[^。.!！]{0,16}(?:指令|指示|提示|规则|規則|要求|命令|一切|所有|之前)"
    r"|(?:输出|輸出|显示|顯示|透露|泄露|告诉我)[^。.!！]{0,10}(?:系统提示|系統提示|提示词|提示詞)"
    r"|(?:没有|沒有|不受)[^。.!！]{0,6}(?:任何)?(?:限制|约束|約束)的?(?:助手|助理|模型|AI|人工智能)"
    r"|(?:指示|ルール|命令|プロンプト|規則|指令)[^。.!！]{0,12}(?:無視|忘れ|破棄)|(?:無視|忘れ)[^。.!！]{0,12}(?:指示|ルール|命令)"
    r"|システムプロンプト[^。.!！]{0,10}(?:表示|出力|教え|開示)"
    r"|(?:지시|명령|규칙|지침|프롬프트)[^.!]{0,16}(?:무시|잊어|따르지)|시스템 프롬프트[^.!]{0,10}(?:출력|보여|공개)"
)
_OTHERS = (
    r"(?:تجاهل|انس|انسى|لا تتبع)[^.\n]{0,40}(?:التعليمات|الأوامر|القواعد|السابقة|من قبل|قيل لك)"
    r"|(?:निर्देशों?|नियमों?|आदेशों?)[^।.]{0,30}(?:अनदेखा|नज़रअंदाज़|भूल|उपेक्षा)|(?:अनदेखा|"
    r"भूल)[^।.]{0,30}(?:निर्देश|नियम|आदेश)"
    r"|(?:önceki|yukarıdaki|tüm) [^.\n]{0,30}(?:talimat|kural|komut|yönerge)\w*[^.\n]{0,20}(?:yok say|unut|"
    r"görmezden gel|dikkate alma)"
    r"|(?:bỏ qua|quên|phớt lờ)[^.\n]{0,40}(?:hướng dẫn|chỉ dẫn|quy tắc|lệnh|trước đó)"
    r"|(?:abaikan|lupakan)[^.\n]{0,40}(?:instruksi|perintah|aturan|arahan|sebelumnya)"
    r"|(?:התעלם|שכח|תשכח)[^.\n]{0,40}(?:ההוראות|הכללים|הקודמות)|(?:نادیده بگیر|فراموش کن)[^.\n]{0,40}(?:دستور|"
    r"قوانین|قبلی)"
    r"|(?:دستور|قوانین)[^.\n]{0,40}(?:نادیده|فراموش)|(?:αγνόησε|ξέχνα|ξέχασε)[^.\n]{0,40}(?:οδηγίες|κανόνες|προηγούμεν)"
)

ORDERS: Mapping[str, str] = {
    "germanic": _GERMANIC,
    "romance": _ROMANCE,
    "slavic": _SLAVIC,
    "cjk": _CHINESE_JAPANESE_KOREAN,
    "others": _OTHERS,
}
