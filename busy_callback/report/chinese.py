"""The texts in Traditional Chinese as used in Taiwan, by their English: a test holds that none is missing."""

from __future__ import annotations

_COMMON = {
    ", ": "、",
    "{first} and {last}": "{first}、{last}",
    "{number} s": "{number} 秒",
    "{number} min": "{number} 分鐘",
    "{number} h": "{number} 小時",
    "completed": "完成",
    "expired": "逾時",
    "cancelled": "取消",
    "failed": "失敗",
    "waiting": "等候中",
    "suspended": "暫緩",
    "recalling": "回撥中",
    "{number} files could not be read": "有 {number} 個檔案無法讀取",
}
# What stands in a request's history, as people are told of it.
_HISTORY = {
    "{caller} and {callee} talked for {seconds} s": "{caller} 與 {callee} 通話 {seconds} 秒",
    "{caller} and {callee} reached each other": "{caller} 與 {callee} 已自行通話",
    "{caller} answered and hung up": "{caller} 接聽回撥後掛斷",
    "{caller} answered, {callee} did not": "{caller} 接聽了回撥，但 {callee} 沒有接聽",
    "{caller} answered; Asterisk stopped during the call": "{caller} 接聽了回撥，但 Asterisk 在通話中停止",
    "the service duration is over": "等候時限已到",
    "by the caller": "由登記回撥的分機取消",
    "by the admin": "由管理員取消",
    "{caller} did not answer the recall": "{caller} 沒有接聽回撥",
    "{caller} rejected the recall": "{caller} 拒接回撥",
    "{caller} was busy or rejected the recall": "{caller} 忙線中或拒接回撥",
    "Asterisk stopped during the recall": "Asterisk 在回撥時停止",
    "nothing was reported of the recall, so it is not repeated": "回撥的結果不明，因此不再重撥",
    "{callee} was taken again when {caller} answered": "{caller} 接聽時，{callee} 又忙線了",
    "{callee} could not be reached when {caller} answered": "{caller} 接聽時，{callee} 無法接通",
    "{callee} refused the call": "{callee} 拒接來電",
    "{caller} has no phone that may be rung: its redirect_method would let it send the recall elsewhere": (
        "{caller} 沒有可以響鈴的話機：它的 redirect_method 設定會讓回撥轉到別處"
    ),
    "{caller} asks to be called back by {callee}": "{caller} 登記對 {callee} 的回撥",
    "{caller} asks again": "{caller} 再次登記",
    "{caller} is rung (recall {number})": "回撥 {caller}（第 {number} 次）",
    "{caller} is rung (recall {number}), {seconds} s after {callee} got free": (
        "{callee} 空閒 {seconds} 秒後，回撥 {caller}（第 {number} 次）"
    ),
    "{caller} answered": "{caller} 接聽了回撥",
    "{caller} asked again for {callee} in the recall": "{caller} 在回撥中再次登記對 {callee} 的回撥",
    "{callee} is free, but {caller} is not": "{callee} 空閒了，但 {caller} 不在空閒",
    "{caller} is free again": "{caller} 又空閒了",
    "{callee} uses the phone": "{callee} 使用了話機",
    "{callee} was taken again before {caller} was rung": "{caller} 的話機還沒響，{callee} 又忙線了",
    "{caller} was in another call when it was to be rung": "要回撥時，{caller} 正在另一通電話中",
    "{caller} could not be reached": "無法接通 {caller}",
    "the recall was withdrawn before it rang": "回撥在響鈴前撤回",
    "the recall was taken back before it rang": "回撥在響鈴前撤回",
    "the recall was withdrawn while it rang": "回撥在響鈴時撤回",
    "cancelled by the caller, while {caller} rings": "{caller} 的話機響鈴時，由登記回撥的分機取消",
    "cancelled by the admin, while {caller} rings": "{caller} 的話機響鈴時，由管理員取消",
    "Asterisk restarted before it rang {caller}": "Asterisk 在回撥 {caller} 之前重新啟動",
    "Asterisk did not run the recall; is its dialplan loaded?": "Asterisk 沒有執行回撥；撥號規則（dialplan）載入了嗎？",
    "the clock was set": "系統時間被調整",
    "the clock was set back": "系統時間被調慢",
    "the clock was set forth by {seconds} s": "系統時間被調快 {seconds} 秒",
    "the clock was set back by {seconds} s": "系統時間被調慢 {seconds} 秒",
    "{text}": "{text}",
    " ({count} of {most} attempts)": "（第 {count} 次，最多 {most} 次）",
}
_WHY = {
    "At {when}, {caller} asked to be called back by {callee}.": "{when}，{caller} 登記了對 {callee} 的回撥。",
    "That is done since {when}: {why}.": "已於 {when} 完成：{why}。",
    "That was cancelled at {when}, {why}.": "已於 {when} {why}。",
    "That ended at {when}: a callback waits for {duration}.": "已於 {when} 結束：回撥最多等候 {duration}。",
    "That was given up at {when}: {why}.": "已於 {when} 放棄：{why}。",
    "{callee} did not use its phone in that time, so that nobody knew it to be back.": (
        "這段時間 {callee} 沒有使用話機，所以無法得知他已回到座位。"
    ),
    "{callee} was free in the end, but {caller} was not.": "最後 {callee} 空閒了，但 {caller} 不在空閒。",
    "{caller} was rung in that time, but the two did not get to talk:": "這段時間曾回撥 {caller}，但雙方沒有通話：",
    "In that time {callee} was not free for {caller}.": "這段時間 {callee} 一直沒有空閒可接 {caller}。",
    "{caller} waits to be called back by {callee} since {when}, until {end} at the longest.": (
        "{caller} 自 {when} 起等候接通 {callee}，最晚到 {end}。"
    ),
    "{caller} has answered the recall; the call to {callee} is under way.": "{caller} 已接聽回撥，正在接通 {callee}。",
    "It is cancelled, {why}: the ringing is about to end.": "已取消（{why}），響鈴即將停止。",
    "{caller} is being rung now, since {when}.": "自 {when} 起正在回撥 {caller}。",
    "{callee} was not logged in then: it is waited for until its phone is there.": (
        "當時 {callee} 的話機未連線：要等它連線後才會回撥。"
    ),
    "{callee} did not answer then: it is waited for until it has used its phone.": (
        "當時 {callee} 沒有接聽：要等 {callee} 用過話機之後才回撥。"
    ),
    "The last attempt came to nothing: {why}. The next one is made from {when} on.": (
        "上一次回撥沒有成功：{why}。{when} 之後再試。"
    ),
    "{other} is being called back by {its} now.": "現在正在為 {other} 接通 {its}。",
    "{callee} was free, but {caller} was not; those who asked later are served meanwhile.": (
        "{callee} 曾空閒，但 {caller} 不在空閒；這時先服務後面登記的分機。"
    ),
    "What their phones do now is not known: no watch runs that could be asked.": (
        "雙方話機目前的狀態不明：沒有正在執行的 poll --watch 可以詢問。"
    ),
    "It is left alone for a moment, for a call of its own.": "先保留片刻，讓對方可以自己撥出。",
    "The state of {phone} is not known.": "{phone} 的狀態不明。",
    "{caller} is number {place} in line; before it asked {others}.": (
        "{caller} 排在第 {place} 位；在前面登記的有 {others}。"
    ),
    "No poll has run yet, so that nobody is called back: busy-callback doctor says why.": (
        "poll 從未執行，因此不會回撥任何人：請執行 busy-callback doctor 找出原因。"
    ),
    "The last poll began at {when}, so that nobody is called back now: busy-callback doctor says why.": (
        "上一次 poll 在 {when} 開始，因此現在不會回撥任何人：請執行 busy-callback doctor 找出原因。"
    ),
    "Something is wrong with the service: {fault}": "服務有問題：{fault}",
    "{caller} was offered a callback by {callee} at {when}, and did not ask for it": (
        "{when} 曾提示 {caller} 可設定對 {callee} 的回撥，但沒有登記"
    ),
    "nobody asked for a callback {wanted} in the last {days} days, as far as is known; busy-callback list and "
    "history name those who did": (
        "最近 {days} 天內，就所知沒有 {wanted} 的回撥登記；busy-callback list 與 history 會列出有登記的"
    ),
    "{phone} is free.": "{phone} 空閒。",
    "{phone} is in a call.": "{phone} 通話中。",
    "Asterisk knows no phone of {phone}.": "Asterisk 找不到 {phone} 的話機。",
    "The phone of {phone} is not there (not registered).": "{phone} 的話機不在線上（未註冊）。",
    "{phone} is being rung.": "{phone} 的話機正在響。",
    "{phone} is in a call, and being rung.": "{phone} 通話中，另有來電。",
    "{phone} has a call on hold.": "{phone} 有一通電話保留中。",
    "{phone} is free since {when}.": "{phone} 自 {when} 起空閒。",
    "{phone} is in a call since {when}.": "{phone} 自 {when} 起通話中。",
    "The phone of {phone} is not there (not registered) since {when}.": (
        "{phone} 的話機自 {when} 起不在線上（未註冊）。"
    ),
    "{phone} is in a call since {when}, and being rung.": "{phone} 自 {when} 起通話中，另有來電。",
    "{phone} has a call on hold since {when}.": "{phone} 自 {when} 起有一通電話保留中。",
}
# Why requests ended, as the figures call it.
_REASONS = {
    "they talked": "已通話",
    "they reached each other by themselves": "雙方已自行通話",
    "the caller answered and hung up": "登記者接聽後掛斷",
    "the caller answered, the callee did not": "登記者接聽，對方沒有接聽",
    "Asterisk stopped during the call": "Asterisk 在通話中停止",
    "its time was over": "等候時限已到",
    "the caller did not answer": "登記者沒有接聽",
    "the caller rejected the recall": "登記者拒接回撥",
    "the caller was busy or rejected the recall": "登記者忙線中或拒接回撥",
    "nothing is known of the recall": "回撥的結果不明",
    "the callee was taken again": "對方又忙線了",
    "the callee could not be reached": "對方無法接通",
    "the callee refused the call": "對方拒接來電",
    "the caller has no phone that may be rung": "登記者沒有可以響鈴的話機",
}
_FIGURES = {
    "Callbacks asked for since {when}": "自 {when} 起登記的回撥",
    "asked": "登記",
    "median": "中位數",
    "90 % within": "九成在此之內",
    "from asking to talking": "從登記到通話",
    "from the callee's being free to the ring": "從對方空閒到登記者響鈴",
    "offered to {number} callers": "曾向 {number} 通來電提示",
    "offered to {number} callers, of whom {share} asked for it": "曾向 {number} 通來電提示，其中 {share} 登記",
    "asked by hour of day": "各時段登記數",
    "callee": "被叫分機",
    "Callbacks": "忙線回撥",
    "Asked for from {since} to {until}": "{since} 至 {until} 登記的回撥",
    "callbacks asked for": "登記的回撥",
    "from asking to talking (median)": "從登記到通話（中位數）",
    "from free to ring (median)": "從空閒到響鈴（中位數）",
    "90 % within {time}": "九成在 {time}之內",
    "Requests by day": "每日登記數",
    "Requests by week": "每週登記數",
    "A week stands by its Monday.": "以每週的星期一標示。",
    "day": "日期",
    "week": "週",
    "What became of them, and why": "結果與原因",
    "{state}: {reason}": "{state}：{reason}",
    "outcome": "結果",
    "requests": "登記數",
    "share": "比例",
    "Requests by hour and weekday": "各星期與時段的登記數",
    "The darker, the more requests.": "顏色越深，登記越多。",
    "hour": "時",
    "Mon": "週一",
    "Tue": "週二",
    "Wed": "週三",
    "Thu": "週四",
    "Fri": "週五",
    "Sat": "週六",
    "Sun": "週日",
    "From asking to talking": "從登記到通話",
    "Of those who talked in a recall; in minutes.": "只計經回撥通話者；單位為分鐘。",
    "From the callee's being free to the caller's ring": "從對方空閒到登記者響鈴",
    "With the moment in which the callee is left alone (guard_time); in seconds.": (
        "包含讓對方可以自己撥出的保留時間（guard_time）；單位為秒。"
    ),
    "Median {middle}, 90 % within {most}.": "中位數 {middle}，九成在 {most}之內。",
    "{first} {second}": "{first}{second}",
    "up to": "至多",
    "share up to here": "累計比例",
    "no. {number}": "第 {number} 名",
    "Who needs a second line: the busiest callees": "誰需要第二線：最忙的分機",
    "{callee} was asked for most: {number} requests, {share} of all.": (
        "最多人等候的是 {callee}：{number} 次登記，佔全部的 {share}。"
    ),
    "Nobody asked for a callback in this time.": "這段時間沒有人登記回撥。",
    "Numbers": "數字",
    "Made by Busy CallBack for Asterisk from its own records. Nothing in this page is fetched from elsewhere.": (
        "由 Busy CallBack for Asterisk 依本身的紀錄製作；本頁不從任何地方載入資料。"
    ),
}
CHINESE = {**_COMMON, **_HISTORY, **_WHY, **_REASONS, **_FIGURES}
