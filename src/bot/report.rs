//! `/baocao`: the figures of a period, on one screen, with buttons for other periods.

use jiff::Timestamp;

use super::answer::Reply;
use super::words::{Words, escape};
use crate::commands::{Action, Answer, Desk, Who};
use crate::config::Language;
use crate::core::insight::period::Preset;
use crate::core::insight::{
    EngagementCounts, Forecast, Insight, OwnerFigures, SourceFigures, Speed, StageFigures,
};

/// People and sources on one screen.
const PEOPLE: usize = 8;
const SOURCES: usize = 5;

/// The figures of a period that people name, with a button for each.
pub(super) fn report(
    desk: &Desk,
    words: Words,
    who: &Who,
    preset: Preset,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    let period = preset.days(desk.roster.config().calendar.date(now));
    let insights = desk.insights_lately(&[period], who, now)?;
    let text = insights
        .iter()
        .map(|insight| words.report(preset, insight))
        .collect::<String>();
    let mut reply = Reply::of(text);
    for row in [&Preset::ALL[..2], &Preset::ALL[2..]] {
        let labels: Vec<String> = row.iter().map(|preset| words.preset(*preset)).collect();
        let asked: Vec<(Action, &str, &str)> = row
            .iter()
            .zip(&labels)
            .map(|(preset, label)| (Action::Report, preset.as_str(), label.as_str()))
            .collect();
        let data = desk.offer(&asked, now)?;
        reply.buttons.push(labels.into_iter().zip(data).collect());
    }
    Ok(vec![reply])
}

impl Words {
    fn preset(self, preset: Preset) -> String {
        match preset {
            Preset::ThisWeek => self.pick("Tuần này", "This week"),
            Preset::LastWeek => self.pick("Tuần trước", "Last week"),
            Preset::ThisMonth => self.pick("Tháng này", "This month"),
            Preset::LastMonth => self.pick("Tháng trước", "Last month"),
            Preset::ThisQuarter => self.pick("Quý này", "This quarter"),
        }
    }

    fn report(self, preset: Preset, insight: &Insight) -> String {
        let title = self.preset(preset);
        let whose = match insight.scope.as_str() {
            "own" => self.pick(" của anh/chị", ", yours"),
            "team" => self.pick(" của nhóm", ", your team"),
            _ => String::new(),
        };
        let days = format!("{}–{}", short_day(&insight.from), short_day(&insight.to));
        let mut lines = vec![
            self.pick(
                format!("📊 <b>Báo cáo {}{whose}</b> ({days})", title.to_lowercase()),
                format!("📊 <b>{title}{whose}</b> ({days})"),
            ),
            self.pick(
                format!(
                    "{} khách; mới {}, chuyển giai đoạn {}, đặt cọc {}, hoàn tất {}, mất {}",
                    insight.customers,
                    insight.new,
                    insight.forward,
                    insight.deposits,
                    insight.won,
                    insight.lost
                ),
                format!(
                    "{} customers; {} new, {} moved on, {} deposits, {} won, {} lost",
                    insight.customers,
                    insight.new,
                    insight.forward,
                    insight.deposits,
                    insight.won,
                    insight.lost
                ),
            ),
            String::new(),
            self.pick("<b>Giai đoạn</b>", "<b>Stages</b>"),
        ];
        lines.extend(insight.pipeline.iter().map(|stage| self.stage_line(stage)));
        self.people(&mut lines, insight);
        if !insight.sources.is_empty() {
            lines.extend([
                String::new(),
                self.pick("<b>Nguồn khách mới</b>", "<b>Sources</b>"),
            ]);
            lines.extend(
                insight
                    .sources
                    .iter()
                    .take(SOURCES)
                    .map(|source| self.source(source)),
            );
        }
        lines.push(String::new());
        if insight.speed.leads > 0 {
            lines.push(self.speed(&insight.speed));
        }
        lines.push(self.forecast(&insight.forecast));
        lines.push(self.engagement(&insight.engagement));
        if insight.waiting > 0 {
            lines.push(self.pick(
                format!(
                    "⏳ {} khách đã lâu chưa được liên hệ: /canlienhe",
                    insight.waiting
                ),
                format!(
                    "⏳ {} customers have waited too long: /contact",
                    insight.waiting
                ),
            ));
        }
        lines.join("\n")
    }

    /// One's own report needs no list of one.
    fn people(self, lines: &mut Vec<String>, insight: &Insight) {
        if insight.scope == "own" {
            if let Some(own) = insight.owners.first().filter(|own| own.target.is_some()) {
                lines.push(String::new());
                lines.push(format!("🎯 {}", self.reached(own)));
            }
            return;
        }
        if insight.owners.is_empty() {
            return;
        }
        lines.extend([
            String::new(),
            self.pick("<b>Nhân viên</b>", "<b>People</b>"),
        ]);
        for owner in insight.owners.iter().take(PEOPLE) {
            let name = owner.owner.as_deref().map(escape);
            let name =
                name.unwrap_or_else(|| self.pick("Chưa có người phụ trách", "Nobody in charge"));
            lines.push(format!("• {name}: {}", self.reached(owner)));
        }
        if insight.owners.len() > PEOPLE {
            let more = insight.owners.len() - PEOPLE;
            lines.push(self.pick(
                format!("… và {more} người khác"),
                format!("… and {more} more"),
            ));
        }
    }

    /// What somebody reached, against their target where there is one.
    fn reached(self, owner: &OwnerFigures) -> String {
        let against = |count: u32, target: Option<f64>| match target {
            Some(target) => format!("{count}/{}", self.number(target, 1)),
            None => count.to_string(),
        };
        let new = against(owner.new, owner.target.new);
        let deposits = against(owner.deposits, owner.target.deposits);
        let won = against(owner.won, owner.target.won);
        let mut text = self.pick(
            format!(
                "{} khách, mới {new}, cọc {deposits}, hoàn tất {won}",
                owner.customers
            ),
            format!(
                "{} customers, {new} new, {deposits} deposits, {won} won",
                owner.customers
            ),
        );
        if owner.waiting > 0 {
            text += &self.pick(
                format!(", chờ lâu {}", owner.waiting),
                format!(", {} waiting", owner.waiting),
            );
        }
        text
    }

    fn stage_line(self, stage: &StageFigures) -> String {
        let mut beside = Vec::new();
        if stage.entered > 0 {
            beside.push(self.pick(
                format!("vào {}", stage.entered),
                format!("{} entered", stage.entered),
            ));
        }
        if let Some(share) = stage.conversion {
            let share = self.share(share);
            beside.push(self.pick(format!("đi tiếp {share}"), format!("{share} went on")));
        }
        // The period's own where half have left by now, else that of all who ever were in it.
        if let Some(days) = stage.median_days.or(stage.median_days_ever) {
            let days = self.number(days, 1);
            beside.push(self.pick(
                format!("thường {days} ngày"),
                format!("{days} days as a rule"),
            ));
        }
        let beside = match beside.is_empty() {
            true => String::new(),
            false => format!(" ({})", beside.join(", ")),
        };
        format!("• {}: <b>{}</b>{beside}", escape(&stage.label), stage.count)
    }

    fn source(self, source: &SourceFigures) -> String {
        let name = source.source.as_deref().map(escape);
        let name = name.unwrap_or_else(|| self.pick("Chưa ghi nguồn", "No source"));
        let mut text = self.pick(
            format!("• {name}: {} khách, {} cọc", source.new, source.deposits),
            format!(
                "• {name}: {} customers, {} deposits",
                source.new, source.deposits
            ),
        );
        match (source.cost_per_lead, source.cost) {
            (Some(each), _) => {
                let each = self.money(each);
                text += &self.pick(format!(", {each} mỗi khách"), format!(", {each} each"));
            }
            (None, Some(cost)) => {
                let cost = self.money(cost);
                text += &self.pick(format!(", đã chi {cost}"), format!(", {cost} spent"));
            }
            (None, None) => {}
        }
        text
    }

    fn speed(self, speed: &Speed) -> String {
        let mut text = match speed.median_minutes {
            Some(minutes) => {
                let long = self.length(minutes);
                self.pick(
                    format!("⏱ Khách mới thường được liên hệ sau {long}"),
                    format!("⏱ New customers are dealt with after {long} as a rule"),
                )
            }
            None => self.pick(
                "⏱ Quá nửa số khách mới chưa được liên hệ",
                "⏱ More than half of the new customers have not been dealt with",
            ),
        };
        if let Some(share) = speed.within_1_hour {
            let share = self.share(share);
            text += &self.pick(
                format!(", {share} trong vòng một giờ"),
                format!(", {share} within an hour"),
            );
        }
        if speed.open > 0 {
            text += &self.pick(
                format!("; {} khách còn chờ", speed.open),
                format!("; {} still wait", speed.open),
            );
        }
        text
    }

    fn forecast(self, forecast: &Forecast) -> String {
        let money = |dong| self.money(dong);
        let mut text = self.pick(
            format!(
                "💰 Dự kiến thu về <b>{}</b>, nhiều khả năng từ {} đến {} ({} giao dịch)",
                money(forecast.expected),
                money(forecast.low),
                money(forecast.high),
                self.number(forecast.deals, 1),
            ),
            format!(
                "💰 Expected <b>{}</b>, most likely {} to {} ({} deals)",
                money(forecast.expected),
                money(forecast.low),
                money(forecast.high),
                self.number(forecast.deals, 1),
            ),
        );
        if forecast.no_budget > 0 {
            text += &self.pick(
                format!("; {} khách chưa rõ ngân sách", forecast.no_budget),
                format!("; {} without a budget", forecast.no_budget),
            );
        }
        if forecast.small_history {
            text += &self.pick(
                format!(
                    ". Mới có {} giao dịch đã kết thúc nên con số này chỉ để tham khảo",
                    forecast.ended
                ),
                format!(". Only {} deals have ended: a guess", forecast.ended),
            );
        }
        text
    }

    fn engagement(self, counts: &EngagementCounts) -> String {
        self.pick(
            format!(
                "🌡 Khách đang theo: nóng {}, ấm {}, đang nguội {}, lạnh {}",
                counts.hot, counts.warm, counts.cooling, counts.cold
            ),
            format!(
                "🌡 Open customers: {} hot, {} warm, {} cooling, {} cold",
                counts.hot, counts.warm, counts.cooling, counts.cold
            ),
        )
    }

    fn share(self, share: f64) -> String {
        format!("{:.0}%", share * 100.0)
    }

    /// A number with a comma or a point, without a fraction that is nothing.
    fn number(self, number: f64, places: usize) -> String {
        let text = format!("{number:.places$}");
        let text = match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        };
        match self.0 {
            Language::Vi => text.replace('.', ","),
            Language::En => text,
        }
    }

    /// Đồng in the size that people speak of.
    #[allow(clippy::cast_precision_loss)] // Three figures are shown.
    fn money(self, dong: i64) -> String {
        let amount = dong as f64;
        match dong.unsigned_abs() {
            1_000_000_000.. => {
                let amount = self.number(amount / 1e9, 1);
                self.pick(format!("{amount} tỷ"), format!("{amount} billion đ"))
            }
            1_000_000.. => {
                let amount = self.number(amount / 1e6, 1);
                self.pick(format!("{amount} triệu"), format!("{amount} million đ"))
            }
            1_000.. => {
                let amount = self.number(amount / 1e3, 0);
                self.pick(format!("{amount} nghìn"), format!("{amount} thousand đ"))
            }
            _ => format!("{dong} đ"),
        }
    }

    /// Minutes as people say them.
    fn length(self, minutes: f64) -> String {
        let (number, vi, en) = match minutes {
            long if long >= 2.0 * 1_440.0 => (long / 1_440.0, "ngày", "days"),
            long if long >= 120.0 => (long / 60.0, "giờ", "hours"),
            short => (short, "phút", "minutes"),
        };
        let number = self.number(number.round(), 0);
        self.pick(format!("{number} {vi}"), format!("{number} {en}"))
    }
}

/// `2026-11-03` as `03/11`.
fn short_day(iso: &str) -> String {
    match (iso.get(8..10), iso.get(5..7)) {
        (Some(day), Some(month)) => format!("{day}/{month}"),
        _ => escape(iso),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VI: Words = Words(Language::Vi);

    #[test]
    fn a_month_on_one_screen() {
        let insight = Insight {
            from: "2026-11-01".into(),
            to: "2026-11-30".into(),
            scope: "all".into(),
            customers: 46,
            new: 15,
            forward: 20,
            deposits: 3,
            won: 2,
            lost: 4,
            waiting: 5,
            pipeline: vec![StageFigures {
                label: "Đang tư vấn".into(),
                count: 18,
                entered: 12,
                conversion: Some(0.25),
                median_days: Some(4.46),
                ..StageFigures::default()
            }],
            owners: vec![
                OwnerFigures {
                    owner: Some("Lan <Anh>".into()),
                    customers: 16,
                    new: 5,
                    deposits: 1,
                    waiting: 2,
                    target: crate::core::insight::goals::Target {
                        deposits: Some(3.0),
                        ..Default::default()
                    },
                    ..OwnerFigures::default()
                },
                OwnerFigures::default(),
            ],
            speed: Speed {
                leads: 15,
                reacted: 12,
                open: 3,
                median_minutes: Some(190.0),
                within_1_hour: Some(0.4),
                ..Speed::default()
            },
            sources: vec![SourceFigures {
                source: Some("Facebook".into()),
                new: 6,
                deposits: 1,
                cost: Some(3_000_000),
                cost_per_lead: Some(500_000),
                ..SourceFigures::default()
            }],
            forecast: Forecast {
                expected: 12_340_000_000,
                low: 9_000_000_000,
                high: 15_700_000_000,
                deals: 4.25,
                no_budget: 2,
                ended: 7,
                small_history: true,
                ..Forecast::default()
            },
            engagement: EngagementCounts {
                hot: 3,
                warm: 20,
                cooling: 8,
                cold: 4,
            },
            ..Insight::default()
        };
        let text = VI.report(Preset::ThisMonth, &insight);
        assert_eq!(
            text,
            "📊 <b>Báo cáo tháng này</b> (01/11–30/11)\n\
             46 khách; mới 15, chuyển giai đoạn 20, đặt cọc 3, hoàn tất 2, mất 4\n\
             \n\
             <b>Giai đoạn</b>\n\
             • Đang tư vấn: <b>18</b> (vào 12, đi tiếp 25%, thường 4,5 ngày)\n\
             \n\
             <b>Nhân viên</b>\n\
             • Lan &lt;Anh&gt;: 16 khách, mới 5, cọc 1/3, hoàn tất 0, chờ lâu 2\n\
             • Chưa có người phụ trách: 0 khách, mới 0, cọc 0, hoàn tất 0\n\
             \n\
             <b>Nguồn khách mới</b>\n\
             • Facebook: 6 khách, 1 cọc, 500 nghìn mỗi khách\n\
             \n\
             ⏱ Khách mới thường được liên hệ sau 3 giờ, 40% trong vòng một giờ; 3 khách còn chờ\n\
             💰 Dự kiến thu về <b>12,3 tỷ</b>, nhiều khả năng từ 9 tỷ đến 15,7 tỷ (4,2 giao dịch); 2 khách chưa rõ ngân sách. Mới có 7 giao dịch đã kết thúc nên con số này chỉ để tham khảo\n\
             🌡 Khách đang theo: nóng 3, ấm 20, đang nguội 8, lạnh 4\n\
             ⏳ 5 khách đã lâu chưa được liên hệ: /canlienhe"
        );
    }

    #[test]
    fn numbers_as_they_are_spoken() {
        for (minutes, shown) in [
            (12.4, "12 phút"),
            (119.0, "119 phút"),
            (130.0, "2 giờ"),
            (4_000.0, "3 ngày"),
        ] {
            assert_eq!(VI.length(minutes), shown);
        }
        for (dong, shown) in [(0, "0 đ"), (450_000, "450 nghìn"), (12_000_000, "12 triệu")] {
            assert_eq!(VI.money(dong), shown);
        }
        assert_eq!(Words(Language::En).number(4.5, 1), "4.5");
    }
}
