/**
 * Runs in the measured page before its own scripts, and offers what the benchmark reads as `probe`. It finds things as users
 * of assistive technology do, by role and name, so that it measures any version of the page.
 */
;(() => {
  const longTasks = []
  new PerformanceObserver((list) => {
    for (const { duration, startTime } of list.getEntries()) longTasks.push({ startTime, duration })
  }).observe({ type: "longtask", buffered: true })

  /** Calls back after the next frame was painted: tasks of a channel run after it. */
  const afterFrame = (callback) =>
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel()
      port1.addEventListener("message", () => callback(performance.now()), { once: true })
      port1.start()
      port2.postMessage(undefined)
    })

  const poll = (find) =>
    new Promise((resolve) => {
      const check = () => {
        const found = find()
        if (found === undefined) requestAnimationFrame(check)
        else resolve(found)
      }
      check()
    })

  /** What makes a screen usable: a button, or the column of threads; and a thread in it. */
  const selectors = new Map([
    ["screen", "main button, aside, [role='complementary']"],
    ["thread", "a[href*='thread']"]
  ])
  const marks = new Map()
  const observer = new MutationObserver(() => {
    for (const [name, selector] of selectors) {
      if (marks.has(name) || document.querySelector(selector) === null) continue
      const loaded = performance.getEntriesByType("resource").map(({ name }) => name)
      marks.set(name, { at: performance.now(), scripts: loaded.filter((name) => name.endsWith(".js")) })
    }
    if (marks.size === selectors.size) observer.disconnect()
  })
  observer.observe(document, { subtree: true, childList: true })

  const conversation = () => document.querySelector('[role="log"], [aria-label="Conversation"]')

  /** The texts at the end of an element, the last first. */
  const lastTexts = (element, count) => {
    const texts = []
    const visit = (node) => {
      if (texts.length === count) return
      if (node.nodeType === Node.TEXT_NODE) texts.push(node)
      else for (let child = node.lastChild; child !== null; child = child.previousSibling) visit(child)
    }
    visit(element)
    return texts
  }

  const isVisible = (node) => {
    const range = document.createRange()
    range.selectNodeContents(node)
    const { bottom, height, top } = range.getBoundingClientRect()
    return height > 0 && top >= 0 && bottom <= innerHeight
  }

  const field = () => [...document.querySelectorAll("textarea")].find((element) => !element.disabled)

  let clickedAt = 0
  addEventListener("click", ({ timeStamp }) => (clickedAt = timeStamp), true)

  let keys = []
  let inputAt = 0
  addEventListener("keydown", ({ timeStamp }) => afterFrame((now) => keys.push(now - timeStamp)), true)
  addEventListener("input", () => (inputAt = performance.now()), true)

  let frames = []
  let isCounting = false

  globalThis.probe = {
    /** When the page first showed what a mark's selector finds, and the scripts that were loaded by then. */
    mark: (name) => poll(() => marks.get(name)),
    /** Waits until the field is there, and focuses it. */
    focusField: () => poll(field).then((found) => found.focus()),
    /**
     * Waits until the last message is readable and the field has taken a key: how many milliseconds after the last click
     * each was true.
     */
    opened: (lastText) =>
      poll(() => {
        const element = conversation()
        const last = element === null
          ? undefined
          : lastTexts(element, 40).find(({ data }) => data.includes(lastText))
        return last !== undefined && isVisible(last) ? performance.now() : undefined
      }).then((readableAt) =>
        poll(() => inputAt > clickedAt ? [readableAt - clickedAt, inputAt - clickedAt] : undefined)
      ),
    /**
     * Waits until an answer with these words has ended: every step ends with them, and a text that is not ended has no name yet.
     * Looks twice a second, since looking is work of the page too.
     */
    answered: (lastWords) =>
      new Promise((resolve) => {
        const timer = setInterval(() => {
          const answer = document.querySelector('section[aria-label="Answer of the Chorus"]')
          if (answer === null || !answer.textContent.includes(lastWords)) return
          clearInterval(timer)
          resolve()
        }, 500)
      }),
    takeKeys: () => {
      const taken = keys
      keys = []
      return taken
    },
    /** The long tasks since a time, by default all. */
    longTasks: (since = 0) => longTasks.filter(({ startTime }) => startTime >= since).map(({ duration }) => duration),
    now: () => performance.now(),
    /** Counts the time between frames until `stopFrames`. */
    startFrames: () => {
      frames = []
      isCounting = true
      let before = performance.now()
      const next = (now) => {
        if (!isCounting) return
        frames.push(now - before)
        before = now
        requestAnimationFrame(next)
      }
      requestAnimationFrame(next)
    },
    stopFrames: () => {
      isCounting = false
      return frames
    },
    /** Where to turn the wheel over the conversation, and how far from its beginning it is. */
    scrollState: () => {
      let scroller = conversation()
      while (scroller !== null && scroller.scrollHeight <= scroller.clientHeight) scroller = scroller.parentElement
      scroller ??= document.scrollingElement
      const { left, top } = conversation().getBoundingClientRect()
      return { x: left + 200, y: Math.max(top, 0) + 200, fromTop: scroller.scrollTop }
    }
  }
})()
